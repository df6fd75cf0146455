"""Random counts, in pure Python: what a bootstrap draws."""

from math import log, log1p, sqrt
from random import Random
from statistics import NormalDist

_NORMAL = NormalDist()
_MANY = 25  # expected, on both sides: from there on the normal distribution stands for the binomial


def binomial(generator: Random, images: int, share: float) -> int:
    """How many of some images have a property that a share of all has."""
    if share > 0.5:
        return images - binomial(generator, images, 1 - share)
    if images * share >= _MANY:
        deviation = sqrt(images * share * (1 - share))
        # 1 - random() is never 0, of which there is no quantile; neither is it 1 in practice, which min ends
        quantile = _NORMAL.inv_cdf(min(1 - generator.random(), 1 - 2**-53))
        return min(images, max(0, round(images * share + deviation * quantile)))
    # The images between two with the property are geometrically distributed: Devroye 1986, Non-Uniform Random
    # Variate Generation, chapter X.4.3, "first waiting time" (http://luc.devroye.org/rnbookindex.html).
    if not share:
        return 0
    found, position = 0, 0
    scale = log1p(-share)
    while True:
        position += 1 + int(log(1 - generator.random()) / scale)
        if position > images:
            return found
        found += 1
