"""The label mix of a batch against training's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, chisquare

from batch_prediction.figures.label_mix import chi_squared_above, label_mix

MNIST = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]  # the training set's labels
SHARES = [count / 60_000 for count in MNIST]


@given(st.lists(st.integers(20, 5_000), min_size=10, max_size=10))
def test_the_test_is_scipy_s(supports: list[int]) -> None:
    """Statistic and p value against MNIST's training set, for any mix."""
    found = label_mix(supports, SHARES)
    expected = chisquare(supports, np.array(SHARES) * sum(supports))
    assert found is not None
    assert found.chi_squared == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9, abs=1e-300)
    assert found.degrees_of_freedom == 9
    assert found.effect == pytest.approx((expected.statistic / sum(supports)) ** 0.5)


@given(st.floats(0, 1_000), st.integers(1, 40))
def test_the_distribution_is_scipy_s(statistic: float, degrees: int) -> None:
    """The survival function, for even and odd degrees of freedom."""
    found = chi_squared_above(statistic, degrees)
    assert found == pytest.approx(chi2.sf(statistic, degrees), rel=1e-9, abs=1e-300)


def test_the_same_mix_isn_t_another() -> None:
    """The training set against itself has no effect; its p value is 1."""
    found = label_mix(MNIST, SHARES)
    assert found is not None
    assert found.effect == pytest.approx(0, abs=1e-9)
    assert found.p_value == pytest.approx(1)


def test_p_values_of_the_same_mix_are_uniform() -> None:
    """Of 2,000 batches of 300 one in twenty is below 5 %."""
    draws = np.random.default_rng(0).multinomial(300, SHARES, 2_000)
    found = [label_mix(draw.tolist(), SHARES) for draw in draws]
    assert np.mean([each is not None and each.p_value < 0.05 for each in found]) == pytest.approx(
        0.05, abs=0.015
    )


def test_a_batch_of_one_digit_is_another_mix() -> None:
    """A large effect, and no doubt about it."""
    found = label_mix([0, 200, *[0] * 8], SHARES)
    assert found is not None
    assert found.effect > 0.5
    assert found.p_value < 1e-50


@pytest.mark.parametrize("shares", [SHARES, None, [0.0, 0.2, *[0.1] * 8]])
def test_few_images_and_unknown_shares_have_no_test(shares: list[float] | None) -> None:
    """Below five expected images of a label, or where training's mix isn't known or lacks a digit."""
    assert label_mix([5] * 10, shares) is None
    assert label_mix([0] * 10, shares) is None


def test_five_expected_images_of_each_label_suffice() -> None:
    """Fifty images of ten equal shares; with 49 there is no test."""
    assert label_mix([5] * 10, [0.1] * 10) is not None
    assert label_mix([4, *[5] * 9], [0.1] * 10) is None
