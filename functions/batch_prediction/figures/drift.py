"""Whether a batch is like the images that its model's reference was made of, by what the model says of both.

Doubts are compared with those that the reference has for images read as the same digits, in the batch's own
mix: a batch of sevens is compared with sevens. Three statistics decide whether an estimate of the accuracy
can be trusted. Two are of more doubt than there should be, as a final model, which has seen more images than
the trial whose reference it is compared with, doubts a little less. The third finds what differs by much: a
model may be very sure of what it can't read. docs/results.md has the false alarms of all, and what they find.
"""

from dataclasses import dataclass
from math import log, sqrt
from typing import Literal

from batch_prediction.figures.doubts import BINS, Doubts
from batch_prediction.figures.reference import Reference
from batch_prediction.labels import LABELS

Name = Literal["kolmogorov_smirnov", "doubt", "population_stability", "prediction_mix"]
DECISIVE: tuple[Name, ...] = ("kolmogorov_smirnov", "doubt", "population_stability")

_KS_LEVEL = 0.01  # of the one-sided two-sample test
_KS_TOLERANCE = 0.05  # what two trainings' doubts about one digit differ by
_DOUBT_DEVIATIONS = 3.0
_DOUBT_TOLERANCE = 0.2  # of the expected doubt: what two trainings differ by
_PSI_CHANGE = 0.1  # by convention, some change: https://scholarworks.wmich.edu/dissertations/3208/
_CHI2_15, _CHI2_9 = 37.697, 27.877  # the 99.9 % quantiles of χ² with 15 and with 9 degrees of freedom
_HALF = 0.5  # images added to each bin, so that an empty one has a logarithm


@dataclass(frozen=True)
class Statistic:
    """One comparison with the reference: drifted means above the threshold, which depends on both sizes."""

    name: Name
    value: float
    threshold: float

    @property
    def drifted(self) -> bool:
        """Whether the value is above its threshold."""
        return self.value > self.threshold


@dataclass(frozen=True)
class Drift:
    """All statistics, and what they were computed of.

    `expected` and `found` are shares of images by bin of doubt, `expected_mix` and `found_mix` by prediction.
    """

    statistics: list[Statistic]
    expected: list[float]
    found: list[float]
    expected_mix: list[float]
    found_mix: list[float]

    @property
    def doubted(self) -> list[Statistic]:
        """The statistics because of which an estimate of the accuracy isn't to be trusted."""
        return [each for each in self.statistics if each.drifted and each.name in DECISIVE]


def compare(batch: Doubts, reference: Reference) -> Drift | None:
    """Compare a batch with its model's reference; None for a batch without images."""
    images = batch.images
    if not images:
        return None
    weights, known = _weights(batch, reference.doubts), reference.doubts
    expected = [sum(weights[label] * known.bins[label][number] for label in LABELS) for number in range(BINS)]
    found = [count / images for count in batch.histogram]
    noise = 1 / images + _inverse_size(weights, known)
    mean, deviation = _expected_doubt(weights, known, images)
    mixes = batch.mix, known.mix
    return Drift(
        [
            Statistic(
                "kolmogorov_smirnov",
                _ks(found, expected),
                _KS_TOLERANCE + sqrt(-log(_KS_LEVEL) / 2 * noise),
            ),
            Statistic("doubt", batch.mean, mean * (1 + _DOUBT_TOLERANCE) + _DOUBT_DEVIATIONS * deviation),
            Statistic(
                "population_stability",
                psi(batch.histogram, [share * reference.images for share in expected]),
                _PSI_CHANGE + _CHI2_15 * noise,
            ),
            Statistic("prediction_mix", chi_squared(*mixes), _CHI2_9),
        ],
        expected,
        found,
        [count / reference.images for count in mixes[1]],
        [count / images for count in mixes[0]],
    )


def psi(counts: list[int], expected: list[float]) -> float:
    """The population stability index of two histograms of any totals, half an image added to each bin.

    Without drift it is about χ² · (1/n + 1/m) (Yurdakul 2018,
    https://scholarworks.wmich.edu/dissertations/3208/).
    """
    total, whole = (sum(each) + _HALF * len(counts) for each in (counts, expected))
    shares = [
        ((count + _HALF) / total, (wanted + _HALF) / whole)
        for count, wanted in zip(counts, expected, strict=True)
    ]
    return sum((share - wanted) * log(share / wanted) for share, wanted in shares)


def chi_squared(counts: list[int], others: list[int]) -> float:
    """Pearson's χ² of two samples' counts by category, without Yates' correction; 0 where one has no images.

    https://en.wikipedia.org/wiki/Pearson%27s_chi-squared_test#Testing_for_statistical_independence
    """
    total, whole = sum(counts), sum(others)
    if not total or not whole:
        return 0.0
    return sum(
        (count * whole - other * total) ** 2 / ((count + other) * total * whole)
        for count, other in zip(counts, others, strict=True)
        if count + other
    )


def _weights(batch: Doubts, known: Doubts) -> list[float]:
    """What each of the reference's images counts, by prediction, so that they have the batch's mix.

    A digit that the reference never read stands for nothing: the others' weights add up to 1 all the same.
    """
    pairs = list(zip(batch.mix, known.mix, strict=True))
    total = sum(count for count, images in pairs if images)
    if not total:
        return [1 / known.images] * len(pairs)
    return [count / images / total if images else 0.0 for count, images in pairs]


def _inverse_size(weights: list[float], known: Doubts) -> float:
    """One divided by the number of equally weighted images that would be known as well (Kish 1965)."""
    return sum(weight * weight * images for weight, images in zip(weights, known.mix, strict=True))


def _expected_doubt(weights: list[float], known: Doubts, images: int) -> tuple[float, float]:
    """The mean doubt that so many images should have, and the standard deviation of the difference."""
    mean = variance = 0.0
    for weight, count, total, squares in zip(weights, known.mix, known.sums, known.squares, strict=True):
        if count:
            spread = max(0.0, squares / count - (total / count) ** 2)
            mean += weight * total
            variance += spread * (weight * count / images + weight * weight * count)
    return mean, sqrt(variance)


def _ks(found: list[float], expected: list[float]) -> float:
    """How far the share of a batch's images with at least some doubt exceeds what is expected, at most."""
    most = ahead = 0.0
    for share, wanted in zip(found, expected, strict=True):
        ahead += share - wanted
        most = max(most, ahead)
    return most
