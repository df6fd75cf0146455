"""What is gained by leaving the least confident images to a person: risk, coverage, and thresholds."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor

from batch_prediction.figures.intervals import Z95, Interval, effective, wilson

TARGETS = (0.99, 0.995, 0.999)
STEPS = 50  # points of the curve, about


@dataclass(frozen=True)
class RiskPoint:
    """Of the images with a confidence above `threshold`: their share of all, and of them the wrong ones'."""

    threshold: float
    coverage: float
    risk: float
    low: float
    high: float


@dataclass(frozen=True)
class OperatingPoint:
    """The lowest threshold whose accepted images reach the target; all None where none does.

    `accuracy` is of the accepted images, `coverage` their share of all. A target can't be reached with fewer
    than `least` images, even if all of them are right.
    """

    target: float
    least: int
    threshold: float | None
    coverage: Interval | None
    accuracy: Interval | None


@dataclass(frozen=True)
class RiskCoverage:
    """The area below the curve of generalised risk, the curve of selective risk, and the targets."""

    augrc: Interval
    curve: list[RiskPoint]
    targets: list[OperatingPoint]


def risk_coverage(right: Mapping[float, int], wrong: Mapping[float, int]) -> RiskCoverage | None:
    """The risks of images counted by the threshold that their confidence is just above; None for no images.

    The area is of Traub et al. 2024, Overcoming Common Flaws in the Evaluation of Selective Classification
    Systems (https://arxiv.org/abs/2407.01032): the share of all images that is both accepted and wrong, over
    all coverages. 0 is perfect; accuracy alone gives half the error rate.
    """
    counts = [
        (threshold, right.get(threshold, 0), wrong.get(threshold, 0))
        for threshold in sorted({*right, *wrong}, reverse=True)
    ]
    total = sum(correct + errors for _, correct, errors in counts)
    if not total:
        return None
    accepted: list[tuple[float, int, int]] = []  # threshold, images above it, wrong ones among them
    images = errors = 0
    for threshold, more_right, more_wrong in counts:
        images += more_right + more_wrong
        errors += more_wrong
        accepted.append((threshold, images, errors))
    return RiskCoverage(
        _augrc(counts, total),
        _curve(accepted, total),
        [_operating_point(target, accepted, total) for target in TARGETS],
    )


def _augrc(counts: list[tuple[float, int, int]], total: int) -> Interval:
    """The area, by the trapezoidal rule: the share of pairs of images, themselves included, of which the
    first is wrong and the second less confident, ties half.

    That is a V-statistic; its variance is that of the mean of each image's pairs, as first and as second
    (van der Vaart 1998, Asymptotic Statistics, section 12.1).
    """
    below, wrong_above = total, 0
    twice = squares = 0  # each image's pairs, twice
    for _, right, wrong in counts:
        below -= right + wrong
        as_second = 2 * wrong_above + wrong
        as_wrong = as_second + 2 * below + right + wrong
        twice += right * as_second + wrong * as_wrong
        squares += right * as_second**2 + wrong * as_wrong**2
        wrong_above += wrong
    average = twice / 2 / total**2  # of the images' pairs, as shares: twice the area
    variance = (squares / 4 / total**3 - average**2) / total
    return effective(average / 2, variance, total)


def _curve(accepted: list[tuple[float, int, int]], total: int) -> list[RiskPoint]:
    """The points nearest above each step of coverage, and the last one."""
    curve, reached = list[RiskPoint](), 0
    for threshold, images, errors in accepted:
        step = floor(images / total * STEPS)
        if step > reached or images == total:
            reached = step
            risk = wilson(errors, images)
            if risk is not None:
                curve.append(RiskPoint(threshold, images / total, risk.value, risk.low, risk.high))
    return curve


def _operating_point(target: float, accepted: list[tuple[float, int, int]], total: int) -> OperatingPoint:
    """The lowest threshold at which the lower end of the accuracy's interval reaches a target.

    The accuracy itself would promise too much: of many thresholds, luck picks the one that looks best.
    """
    least = ceil(Z95**2 * target / (1 - target) - 1e-9)
    for threshold, images, errors in reversed(accepted):
        accuracy = wilson(images - errors, images)
        if accuracy is not None and accuracy.low >= target:
            return OperatingPoint(target, least, threshold, wilson(images, total), accuracy)
    return OperatingPoint(target, least, None, None, None)
