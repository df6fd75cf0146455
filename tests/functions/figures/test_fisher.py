"""Fisher's exact test against scipy's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from batch_prediction.figures import fisher


@given(st.data(), st.sampled_from([5, 60, 2_000, 100_000]))
def test_it_is_scipy_s(data: st.DataObject, images: int) -> None:
    """For every part of every batch, with any number of mistakes."""
    here, wrong = data.draw(st.integers(0, images)), data.draw(st.integers(0, images))
    wrong_here = data.draw(st.integers(max(0, wrong + here - images), min(wrong, here)))
    table = [[wrong_here, here - wrong_here], [wrong - wrong_here, images - here - wrong + wrong_here]]
    expected = float(fisher_exact(table).pvalue)
    assert fisher.two_sided(wrong_here, here, wrong, images) == pytest.approx(expected, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(
    ("wrong_here", "here", "wrong", "images"),
    [(0, 1, 0, 2), (1, 1, 1, 2), (3, 3, 3, 1000), (0, 500, 10, 1000), (250_100, 500_000, 500_000, 1_000_000)],
)
def test_ends_of_the_range(wrong_here: int, here: int, wrong: int, images: int) -> None:
    """No mistakes at all, all of them in the part, none in it, and a million images."""
    table = [[wrong_here, here - wrong_here], [wrong - wrong_here, images - here - wrong + wrong_here]]
    expected = float(fisher_exact(table).pvalue)
    assert fisher.two_sided(wrong_here, here, wrong, images) == pytest.approx(expected, rel=1e-5)
