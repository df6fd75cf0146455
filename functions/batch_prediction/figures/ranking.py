"""How well each digit's probability ranks its images above all others: ROC AUC and average precision.

Both are exact for the probabilities as score_bins keeps them, ties as scikit-learn counts them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from batch_prediction.figures.intervals import Interval, effective
from batch_prediction.figures.score_bins import rank
from batch_prediction.labels import LABELS


@dataclass(frozen=True)
class ClassRanking:
    """One digit against the rest; None where the batch has no image of it, or no other."""

    label: int
    auc: Interval | None
    average_precision: Interval | None


@dataclass(frozen=True)
class Ranking:
    """The ten digits, and the means over those that are known."""

    auc: Interval
    average_precision: Interval
    classes: list[ClassRanking]


def ranking(bins: Sequence[Mapping[int, int]], truths: Mapping[tuple[int, int], int]) -> Ranking | None:
    """The ranking of images counted by digit and bin, those of the digit itself also by (label, bin).

    None where no digit has a figure. A mean's interval goes from the mean of the lower to that of the upper
    ends, as if the digits' errors were one: an image that is misread counts in two of them.
    """
    classes = [
        _class_ranking(
            label,
            sorted(
                (rank(number), truths.get((label, number), 0), count) for number, count in bins[label].items()
            ),
        )
        for label in LABELS
    ]
    areas = [each.auc for each in classes if each.auc]
    precisions = [each.average_precision for each in classes if each.average_precision]
    if not areas:
        return None
    return Ranking(_mean(areas), _mean(precisions), classes)


def _class_ranking(label: int, counts: list[tuple[int, int, int]]) -> ClassRanking:
    """The figures of (rank, images of the digit, all images), the lowest rank first."""
    own = sum(count for _, count, _ in counts)
    others = sum(count for _, _, count in counts) - own
    if not (own and others):
        return ClassRanking(label, None, None)
    return ClassRanking(label, _auc(counts, own, others), _average_precision(counts, own))


def _auc(counts: list[tuple[int, int, int]], own: int, others: int) -> Interval:
    """The share of pairs (one of the digit, one other) in the right order, ties half.

    Its variance is that of DeLong, DeLong and Clarke-Pearson 1988, Comparing the areas under two or more
    correlated receiver operating characteristic curves (https://doi.org/10.2307/2531595). Where all pairs are
    in order, it is the largest possible one, that of the rarer kind's number of images (Birnbaum and Klose
    1957, Bounds for the Variance of the Mann-Whitney Statistic, Annals of Mathematical Statistics 28, 933).
    Everything is counted in pairs in the wrong order, twice, so that areas near 1 lose no digits.
    """
    above, below = 2 * others, 0  # twice the other images above, twice the own ones below
    wrong = own_squares = other_squares = 0
    for _, of_digit, images in counts:
        of_others = images - of_digit
        above -= 2 * of_others
        wrong += of_digit * (above + of_others)
        own_squares += of_digit * (above + of_others) ** 2
        other_squares += of_others * (below + of_digit) ** 2
        below += 2 * of_digit
    error = wrong / (2 * own * others)
    variance = 0.0
    if own > 1 and others > 1:
        of_own = own_squares / (2 * others) ** 2 - own * error**2
        of_rest = other_squares / (2 * own) ** 2 - others * error**2
        variance = of_own / (own - 1) / own + of_rest / (others - 1) / others
    return effective(1 - error, variance, min(own, others))


def _average_precision(counts: list[tuple[int, int, int]], own: int) -> Interval:
    """The precision at each threshold, weighted by the recall that is gained there.

    https://scikit-learn.org/stable/modules/generated/sklearn.metrics.average_precision_score.html. Its
    variance is the infinitesimal jackknife's: the squares of what each image's weight changes (Efron 1982,
    The Jackknife, the Bootstrap and Other Resampling Plans, chapter 6,
    https://doi.org/10.1137/1.9781611970319).
    """
    found, selected = own, sum(images for _, _, images in counts)
    thresholds = []
    for _, of_digit, images in counts:
        thresholds.append((of_digit, images - of_digit, found, selected))
        found -= of_digit
        selected -= images
    total = sum(of_digit * found / selected for of_digit, _, found, selected in thresholds)
    average = min(1.0, total / own)
    gain = loss = squares = (
        0.0  # of an image of the digit, or another, in the precisions at and below its own
    )
    for of_digit, of_others, found, selected in thresholds:
        gain += of_digit * (selected - found) / selected**2
        loss += of_digit * found / selected**2
        squares += of_digit * (found / selected - average + gain) ** 2 + of_others * loss**2
    return effective(average, squares / own**2, own)


def _mean(intervals: list[Interval]) -> Interval:
    return Interval(
        fmean(each.value for each in intervals),
        fmean(each.low for each in intervals),
        fmean(each.high for each in intervals),
    )
