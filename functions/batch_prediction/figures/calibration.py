"""Whether confidences mean what they say: the reliability diagram's bins, and their expected error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, floor, lgamma, log, log1p
from operator import add
from random import Random

from batch_prediction.figures.resampling import binomial
from batch_prediction.labels import CONFIDENCE_UNIT

BINS = 15  # as training measures it
SAMPLES = 500  # of the bootstrap
_TAIL = 12  # of them, the number outside the 95 % interval on either side
_SEED = 0


@dataclass(frozen=True)
class Bin:
    """The labelled images with a confidence above `low`, up to `high`; None is the mean of no images."""

    low: float
    high: float
    images: int
    confidence: float | None  # mean
    accuracy: float | None


@dataclass(frozen=True)
class Calibration:
    """Bins of equal width over all confidences, and their mean error weighted by their images (0 to 1).

    `low` and `high` are the 95 % interval of that error. `if_calibrated` is the error that chance alone
    leaves on average in a batch of this size, with these confidences, if they mean exactly what they say.
    """

    expected_error: float
    low: float
    high: float
    if_calibrated: float
    bins: list[Bin]


def calibration(right: Mapping[int, int], wrong: Mapping[int, int]) -> Calibration | None:
    """The calibration of images counted by confidence in ten-thousandths; None for no images.

    Guo et al. 2017, On Calibration of Modern Neural Networks, equation 3 (https://arxiv.org/abs/1706.04599).
    """
    correct, confidence_of_correct = _binned(right)
    mistaken, confidence_of_mistaken = _binned(wrong)
    images = list(map(add, correct, mistaken))
    total_confidence = list(map(add, confidence_of_correct, confidence_of_mistaken))
    total = sum(images)
    if not total:
        return None
    means = [s / CONFIDENCE_UNIT / (n or 1) for s, n in zip(total_confidence, images, strict=True)]
    error = sum(abs(c - s / CONFIDENCE_UNIT) for c, s in zip(correct, total_confidence, strict=True)) / total
    low, high = _interval(error, images, correct, means)
    return Calibration(
        error,
        low,
        high,
        sum(map(mean_absolute_deviation, images, means)) / total,
        [
            Bin(
                low=number / BINS,
                high=(number + 1) / BINS,
                images=images[number],
                confidence=means[number] if images[number] else None,
                accuracy=correct[number] / images[number] if images[number] else None,
            )
            for number in range(BINS)
        ],
    )


def mean_absolute_deviation(images: int, share: float) -> float:
    """By how many images a binomial number of images is off its mean, on average.

    De Moivre's formula: Diaconis and Zabell 1991, Closed Form Summation for Classical Distributions
    (https://doi.org/10.1214/ss/1177011699).
    """
    if not 0 < share < 1:
        return 0.0
    most = floor(images * share) + 1
    ways = lgamma(images + 1) - lgamma(most + 1) - lgamma(images - most + 1)
    return 2 * most * exp(ways + most * log(share) + (images - most + 1) * log1p(-share))


def _binned(counts: Mapping[int, int]) -> tuple[list[int], list[int]]:
    """The images of each bin, and the sum of their confidences in ten-thousandths."""
    images, confidence = [0] * BINS, [0] * BINS
    for each, count in counts.items():
        number = max(0, -(-each * BINS // CONFIDENCE_UNIT) - 1)
        images[number] += count
        confidence[number] += count * each
    return images, confidence


def _interval(
    error: float, images: Sequence[int], correct: Sequence[int], means: Sequence[float]
) -> tuple[float, float]:
    """The bootstrap interval of an error: each bin keeps its images, and the right ones are drawn anew.

    The basic one (Davison and Hinkley 1997, Bootstrap Methods and their Application, section 5.2): in a
    sample of a sample, chance widens the gaps once more, which percentiles would count as error and this
    takes off; its upper end isn't below theirs. A bin without a mistake could have one: half a right and half
    a wrong image are added to its shares (Jeffreys's prior). The interval begins at 0 where calibrated
    confidences would show such an error, too.
    """
    generator = Random(_SEED)  # noqa: S311 (the same samples in each report, nothing secret)
    used = [each for each in zip(images, correct, means, strict=True) if each[0]]
    total = sum(images)

    def sampled(shares: Sequence[float]) -> list[float]:
        return sorted(
            sum(
                abs(binomial(generator, count, share) - count * mean)
                for (count, _, mean), share in zip(used, shares, strict=True)
            )
            / total
            for _ in range(SAMPLES)
        )

    samples = sampled([(right + 0.5) / (count + 1) for count, right, _ in used])
    by_chance = sampled([mean for _, _, mean in used])
    low = 2 * error - samples[-_TAIL - 1] if error > by_chance[-_TAIL - 1] else 0.0
    return max(0.0, min(low, error)), min(1.0, max(2 * error - samples[_TAIL], samples[-_TAIL - 1], error))
