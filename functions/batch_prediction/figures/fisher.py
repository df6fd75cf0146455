"""Fisher's exact test of whether one part of a batch is read as well as the rest. Agrees with scipy."""

from bisect import bisect_left
from collections.abc import Iterable
from math import exp, lgamma

_EQUAL = 1e-7  # relative: as likely as what was found, but for rounding (scipy's tolerance, too)
_NEGLIGIBLE = 1e-20  # of what was summed already


def two_sided(wrong_here: int, here: int, wrong: int, images: int) -> float:
    """The probability of what was found, or of anything as unlikely, if the part were like the whole.

    Of `images` with `wrong` mistakes the part has `here`, with `wrong_here` of them. All splits of the
    mistakes that are at most as likely count (https://en.wikipedia.org/wiki/Fisher%27s_exact_test). Both
    tails are summed outwards, so that the time is a matter of the spread, not of the counts.
    """
    least, most = max(0, wrong + here - images), min(wrong, here)

    def log_likelihood(k: int) -> float:
        return _log_choose(wrong, k) + _log_choose(images - wrong, here - k)

    whole = _log_choose(images, here)
    limit = log_likelihood(wrong_here) + _EQUAL
    mode = min(most, max(least, (wrong + 1) * (here + 1) // (images + 2)))
    if log_likelihood(mode) <= limit:
        return 1.0
    # Unlikely are the smallest and the largest of the possible numbers, up to `low` and from `high` on.
    low = bisect_left(range(least, mode), True, key=lambda k: log_likelihood(k) > limit) + least - 1
    high = bisect_left(range(mode, most + 1), True, key=lambda k: log_likelihood(k) <= limit) + mode
    tails = (range(low, least - 1, -1), range(high, most + 1))
    return min(1.0, sum(_sum(log_likelihood(k) - whole for k in tail) for tail in tails))


def _sum(logarithms: Iterable[float]) -> float:
    """The sum of what falls from term to term, as far as it matters."""
    total = 0.0
    for logarithm in logarithms:
        term = exp(logarithm)
        total += term
        if term < total * _NEGLIGIBLE:
            break
    return total


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
