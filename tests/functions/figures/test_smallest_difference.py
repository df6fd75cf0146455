"""The smallest difference that a batch can show."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from batch_prediction.figures.smallest_difference import Z80, smallest_difference


def power(accuracy: float, lower: float, images: int, others: int) -> float:
    """The power, by the normal approximation, of the two-sided test to find that the other is lower."""
    pooled = (accuracy * images + lower * others) / (images + others)
    null = (pooled * (1 - pooled) * (1 / images + 1 / others)) ** 0.5
    alternative = (accuracy * (1 - accuracy) / images + lower * (1 - lower) / others) ** 0.5
    return float(norm.cdf((accuracy - lower - norm.ppf(0.975) * null) / alternative))


@given(st.floats(0.5, 1), st.integers(50, 1_000_000), st.integers(50, 1_000_000))
def test_the_power_is_80_percent_there(accuracy: float, images: int, others: int) -> None:
    """By SciPy's normal distribution, for batches of any two sizes."""
    found = smallest_difference(accuracy, images, others)
    assert found is not None
    assert power(accuracy, accuracy - found, images, others) == pytest.approx(0.8, abs=1e-4)
    assert norm.ppf(0.8) == pytest.approx(Z80, abs=1e-15)


@pytest.mark.parametrize(("accuracy", "images"), [(0.99, 1_000), (0.95, 500), (0.997, 10_000)])
def test_four_of_five_simulated_pairs_of_batches_show_it(accuracy: float, images: int) -> None:
    """Of 20,000 pairs whose accuracies differ so much the test finds about 80 %."""
    found = smallest_difference(accuracy, images)
    assert found is not None
    generator = np.random.default_rng(0)
    first = generator.binomial(images, accuracy, 20_000) / images
    second = generator.binomial(images, accuracy - found, 20_000) / images
    pooled = (first + second) / 2
    with np.errstate(invalid="ignore"):
        significant = abs(first - second) / np.sqrt(pooled * (1 - pooled) * 2 / images) > norm.ppf(0.975)
    assert significant.mean() == pytest.approx(0.8, abs=0.03)


def test_more_images_show_less() -> None:
    """A hundred times the images show about a tenth of the difference; of a perfect batch, a hundredth."""
    few, many = smallest_difference(0.9, 1_000), smallest_difference(0.9, 100_000)
    assert few is not None
    assert many is not None
    assert few / many == pytest.approx(10, rel=0.1)
    few, many = smallest_difference(1.0, 1_000), smallest_difference(1.0, 100_000)
    assert few is not None
    assert many is not None
    assert few / many == pytest.approx(100, rel=0.1)


def test_as_many_others_are_the_default() -> None:
    """The other batch has the same size; a larger one helps."""
    same, larger = smallest_difference(0.99, 1_000, 1_000), smallest_difference(0.99, 1_000, 1_000_000)
    assert same is not None
    assert larger is not None
    assert smallest_difference(0.99, 1_000) == same
    assert larger < same


@pytest.mark.parametrize(
    ("accuracy", "images", "others"), [(0.0, 100, 100), (0.5, 3, 3), (0.5, 0, None), (0.5, 10, 0)]
)
def test_some_batches_show_nothing(accuracy: float, images: int, others: int | None) -> None:
    """Of three images even the drop to nothing is noise; so is any of none, and nothing is below 0."""
    assert smallest_difference(accuracy, images, others) is None
