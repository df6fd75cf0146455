"""95 % intervals of proportions, of means, and of figures that a delta method gives a variance.

Intervals near 0 and 1 are Wilson's all through: they stay within the range, and those of a figure that is
perfect in the batch have a width.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, sqrt

Z95 = 1.959963984540054  # the normal distribution's 97.5 % quantile

Matrix = list[list[int]]  # rows are labels, columns predictions


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


def wilson(correct: int, total: int) -> Interval | None:
    """Wilson's score interval of a proportion, without continuity correction; None for no images.

    https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval#Wilson_score_interval
    """
    return score(correct / total, total) if total else None


def score(share: float, size: float) -> Interval:
    """Wilson's score interval of a share of `size` images, which needn't be a whole number."""
    z2 = Z95 * Z95
    centre = (share + z2 / (2 * size)) / (1 + z2 / size)
    half = Z95 / (1 + z2 / size) * sqrt(max(0.0, share * (1 - share)) / size + z2 / (4 * size * size))
    low = 0.0 if share <= 0 else max(0.0, centre - half)
    high = 1.0 if share >= 1 else min(1.0, centre + half)
    return Interval(share, min(low, share), max(high, share))


def effective(share: float, variance: float, fallback: float) -> Interval:
    """Wilson's interval of a figure between 0 and 1 at its effective sample size.

    That is the number of images of which a proportion as large has this variance: Franco, Little, Louis and
    Slud 2019, Comparative Study of Confidence Intervals for Proportions in Complex Sample Surveys
    (https://pmc.ncbi.nlm.nih.gov/articles/PMC6690503), who recommend Wilson's. Without a variance, as of a
    figure that is perfect in the batch, it is that of `fallback` images.
    """
    spread = share * (1 - share)
    return score(share, spread / variance if spread > 0 and variance > 0 else fallback)


def mean(total: float, squares: float, images: int) -> Interval | None:
    """The mean of images whose values, none below 0, add up to `total`, and their squares to `squares`.

    The interval is the normal one of the mean's logarithm: few images carry most of such a sum, and the upper
    end is farther away than the lower one (https://en.wikipedia.org/wiki/Delta_method). None for fewer than
    two images, of which no spread is known.
    """
    if images < 2:
        return None
    average = total / images
    if average <= 0:
        return Interval(0.0, 0.0, 0.0)
    variance = max(0.0, squares - total * average) / (images - 1)
    ratio = exp(Z95 * sqrt(variance / images) / average)
    return Interval(average, average / ratio, average * ratio)


def jackknife(figure: Callable[[Matrix], float], matrix: Matrix, total: int) -> float:
    """The standard error of a figure of `total` images: each in turn is left out, equal ones once for all.

    https://en.wikipedia.org/wiki/Jackknife_resampling#Estimating_the_variance_of_an_estimator
    """
    left_out = []
    for row in matrix:
        for prediction, count in enumerate(row):
            if count:
                row[prediction] -= 1
                left_out.append((count, figure(matrix)))
                row[prediction] += 1
    average = sum(count * value for count, value in left_out) / total
    return sqrt((total - 1) / total * sum(count * (value - average) ** 2 for count, value in left_out))
