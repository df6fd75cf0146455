"""Random counts."""

import random

import numpy as np
import pytest
from scipy.stats import binom

from batch_prediction.figures.resampling import binomial


def seeded(seed: int) -> random.Random:
    """A generator of test data."""
    return random.Random(seed)  # noqa: S311 (nothing secret)


@pytest.mark.parametrize(
    ("images", "share"),
    [(1, 0.5), (40, 0.02), (40, 0.98), (30, 0.5), (5_000, 0.001), (5_000, 0.3), (900, 0.99)],
)
def test_the_distribution_is_scipy_s(images: int, share: float) -> None:
    """Mean, spread and tails of 20,000 counts are those of the binomial distribution."""
    generator = seeded(1)
    counts = np.array([binomial(generator, images, share) for _ in range(20_000)])
    assert counts.mean() == pytest.approx(binom.mean(images, share), abs=5 * binom.std(images, share) / 141)
    assert counts.std() == pytest.approx(binom.std(images, share), rel=0.03)
    for quantile in (0.025, 0.5, 0.975):
        at = binom.ppf(quantile, images, share)
        assert (counts <= at).mean() == pytest.approx(binom.cdf(at, images, share), abs=0.02)
    assert 0 <= counts.min() <= counts.max() <= images


@pytest.mark.parametrize("images", [0, 5, 10_000])
def test_impossible_and_certain_are_so(images: int) -> None:
    """Without chance there is nothing to draw."""
    assert (binomial(seeded(1), images, 0.0), binomial(seeded(1), images, 1.0)) == (0, images)


def test_the_same_generator_draws_the_same() -> None:
    """A report that is written again has the same bytes."""
    first, second = ([binomial(seeded(7), 500, 0.2) for _ in range(3)] for _ in range(2))
    assert first == second
