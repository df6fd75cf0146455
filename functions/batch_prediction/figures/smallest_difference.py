"""The smallest difference in accuracy that batches of some size can show."""

from math import sqrt

from batch_prediction.figures.intervals import Z95

Z80 = 0.8416212335729143  # the normal distribution's 80 % quantile
_HALVINGS = 60


def smallest_difference(accuracy: float, images: int, others: int | None = None) -> float | None:
    """The smallest drop from an accuracy that a test finds in four of five cases, as a share (0 to 1).

    The test is that of two proportions, two-sided at 5 %, between a batch of `images` and one of `others`
    (by default as many): both are samples, and both have noise. None where even the drop to 0 is too small,
    and for no images. Fleiss, Levin and Paik 2003, Statistical Methods for Rates and Proportions, equation
    4.14 (https://doi.org/10.1002/0471445428), without continuity correction.
    """
    others = images if others is None else others
    if not images or not others or not accuracy or _standard_errors(accuracy, accuracy, images, others) < 0:
        return None
    low, high = 0.0, accuracy
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _standard_errors(accuracy, middle, images, others) <= 0:
            low = middle
        else:
            high = middle
    return high


def _standard_errors(accuracy: float, drop: float, images: int, others: int) -> float:
    """By how much a drop exceeds what the test needs."""
    lower = accuracy - drop
    pooled = (accuracy * images + lower * others) / (images + others)
    if_equal = pooled * (1 - pooled) * (1 / images + 1 / others)
    if_lower = accuracy * (1 - accuracy) / images + lower * (1 - lower) / others
    return drop - Z95 * sqrt(if_equal) - Z80 * sqrt(if_lower)
