"""Intervals of proportions, means and other figures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm

from batch_prediction.figures.intervals import Z95, effective, jackknife, mean, score, wilson


@given(st.integers(1, 100_000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_the_interval_agrees_with_scipy(counts: tuple[int, int]) -> None:
    """Wilson's interval is SciPy's, and holds the value itself."""
    correct, total = counts
    interval = wilson(correct, total)
    assert interval is not None
    expected = binomtest(correct, total).proportion_ci(0.95, method="wilson")
    assert interval.low == pytest.approx(expected.low, abs=1e-12)
    assert interval.high == pytest.approx(expected.high, abs=1e-12)
    assert 0 <= interval.low <= interval.value <= interval.high <= 1


def test_the_quantile_is_scipy_s() -> None:
    """Between minus and plus Z95 there are 95 % of a normal distribution."""
    assert norm.ppf(0.975) == pytest.approx(Z95, abs=1e-15)


def test_no_images_have_no_interval() -> None:
    """Without images there is no proportion."""
    assert wilson(0, 0) is None


@pytest.mark.parametrize("total", [1, 2, 3, 7, 10, 49, 1_000, 10_000, 999_983])
def test_nothing_right_and_all_right_have_exact_ends(total: int) -> None:
    """Rounding doesn't leave 1e-17 of an accuracy where there is none, nor take it from a perfect one."""
    worst, best = wilson(0, total), wilson(total, total)
    assert worst is not None
    assert best is not None
    assert (worst.value, worst.low) == (0.0, 0.0)
    assert (best.value, best.high) == (1.0, 1.0)


@given(st.floats(0.001, 0.999), st.integers(2, 100_000))
def test_a_figure_with_a_proportion_s_variance_has_its_interval(share: float, images: int) -> None:
    """The effective sample size of a proportion is its sample size."""
    assert effective(share, share * (1 - share) / images, 5).low == pytest.approx(score(share, images).low)
    assert effective(share, share * (1 - share) / images, 5).high == pytest.approx(score(share, images).high)


@pytest.mark.parametrize(("share", "variance"), [(1.0, 0.0), (0.0, 0.0), (1.0, 0.1), (0.5, 0.0)])
def test_a_figure_without_a_variance_has_the_interval_of_a_proportion(share: float, variance: float) -> None:
    """A figure that is perfect in the batch isn't certain: it has the fallback's width."""
    found = effective(share, variance, 50)
    assert found == score(share, 50)
    assert found.high - found.low > 0.05


def test_a_larger_variance_makes_a_wider_interval() -> None:
    """Ten times the variance, about three times the width; inside 0 and 1 all the same."""
    narrow, wide = effective(0.9, 0.0001, 1), effective(0.9, 0.001, 1)
    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(10**0.5, rel=0.05)
    assert effective(0.999, 0.5, 1).high <= 1


@pytest.mark.parametrize("images", [2, 30, 5_000])
def test_a_mean_s_interval_is_the_normal_one_of_its_logarithm(images: int) -> None:
    """The ends are as many times below and above as the standard error says, as a share of the mean."""
    values = np.random.default_rng(images).exponential(2, images)
    found = mean(float(values.sum()), float((values**2).sum()), images)
    assert found is not None
    assert found.value == pytest.approx(values.mean())
    step = norm.ppf(0.975) * values.std(ddof=1) / images**0.5 / values.mean()
    assert np.log([found.low, found.high]) == pytest.approx(np.log(values.mean()) + np.array([-step, step]))


def test_one_value_has_no_spread_and_zeros_have_none() -> None:
    """One image has no interval; images whose values are all 0 have one without a width."""
    assert mean(0.3, 0.09, 1) is None
    nothing = mean(0.0, 0.0, 3)
    assert nothing is not None
    assert (nothing.value, nothing.low, nothing.high) == (0, 0, 0)


def test_a_mean_s_interval_holds_the_mean_of_all_as_often_as_it_says() -> None:
    """Of 400 samples of 500 skewed values, 95 % or nearly hold what they were drawn from."""
    generator = np.random.default_rng(3)
    held = 0
    for _ in range(400):
        values = generator.exponential(1, 500) ** 2
        found = mean(float(values.sum()), float((values**2).sum()), 500)
        assert found is not None
        held += found.low <= 2 <= found.high
    assert 0.91 <= held / 400 <= 0.98


def test_the_jackknife_of_a_share_is_the_binomial_deviation() -> None:
    """The square root of p (1 - p) / (n - 1), and the matrix is left as it was."""
    matrix = [[30, 2], [3, 65]]
    found = jackknife(lambda cells: (cells[0][0] + cells[1][1]) / sum(map(sum, cells)), matrix, 100)
    assert found == pytest.approx((0.95 * 0.05 / 99) ** 0.5)
    assert matrix == [[30, 2], [3, 65]]
