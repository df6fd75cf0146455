"""Whether a batch's labels are as frequent as those of the images that the model was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, exp, lgamma, log, sqrt

from batch_prediction.labels import LABELS

_LEAST_EXPECTED = 5  # images of each label: Cochran's rule, and SciPy's of scipy.stats.chisquare


@dataclass(frozen=True)
class LabelMix:
    """Pearson's test of the labels' shares against the expected ones.

    `effect` is Cohen's w, which unlike `p_value` doesn't depend on the number of images: he calls 0.1 small,
    0.3 medium, 0.5 large (1988, Statistical Power Analysis for the Behavioral Sciences, section 7.2).
    """

    chi_squared: float
    degrees_of_freedom: int
    p_value: float
    effect: float


def label_mix(supports: Sequence[int], expected: Sequence[float] | None) -> LabelMix | None:
    """The test of the images of each label against ten shares that add up to 1.

    None where the shares aren't known, or fewer than five images of a label are to be expected: then the
    χ² distribution doesn't describe the statistic.
    https://docs.scipy.org/doc/scipy/reference/generated/scipy.stats.chisquare.html
    """
    total = sum(supports)
    if expected is None or min(expected) * total < _LEAST_EXPECTED:
        return None
    statistic = sum(
        (supports[label] - expected[label] * total) ** 2 / (expected[label] * total) for label in LABELS
    )
    degrees = len(LABELS) - 1
    return LabelMix(statistic, degrees, chi_squared_above(statistic, degrees), sqrt(statistic / total))


def chi_squared_above(statistic: float, degrees: int) -> float:
    """The probability that a χ² variable of so many degrees of freedom is above a statistic.

    A finite sum for whole degrees: Abramowitz and Stegun 26.4.4 and 26.4.5 (https://dlmf.nist.gov/8.4).
    """
    half = statistic / 2
    if half <= 0:
        return 1.0
    first = 0.5 if degrees % 2 else 0.0
    terms = (exp(k * log(half) - half - lgamma(k + 1)) for k in (first + n for n in range(degrees // 2)))
    return min(1.0, (erfc(sqrt(half)) if degrees % 2 else 0.0) + sum(terms))
