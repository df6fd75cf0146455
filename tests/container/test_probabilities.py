"""Logits to probabilities as the predictions carry them."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from probabilities import probabilities

LOGITS = st.lists(st.floats(-80, 80, width=32), min_size=10, max_size=10)


@given(st.lists(LOGITS, min_size=1, max_size=5))
def test_they_are_the_softmax_to_four_digits(logits: list[list[float]]) -> None:
    """Each within half of its fourth digit, the largest in its complement's; a row adds up to one."""
    found = probabilities(torch.tensor(logits))
    exact = softmax(np.array(logits, np.float32).astype(np.float64), axis=1)
    for row, right in zip(found, exact, strict=True):
        largest = int(np.argmax(right))
        assert row[largest] == row.max()
        others = np.arange(10) != largest
        assert row[others] == pytest.approx(np.maximum(right[others], 1e-15), rel=5.1e-4, abs=0)
        assert 1 - row[largest] == pytest.approx(
            np.maximum(right, 1e-15)[others].sum(), rel=5.1e-4, abs=1e-15
        )
        assert row.sum() == pytest.approx(1, abs=1e-3)
        assert np.isfinite(np.log(row)).all()
        assert row.max() < 1


def test_the_most_confident_are_told_apart() -> None:
    """In single precision both would be 1, and so they would with four decimals."""
    more, less = probabilities(torch.tensor([[20.0] + [0.0] * 9, [19.0] + [0.0] * 9]))
    assert less[0] < more[0] < 1
    assert json.dumps([less[0], more[0]]) == "[0.99999994957, 0.99999998145]"


def test_they_are_short_as_text() -> None:
    """What isn't the largest has four digits and an exponent at most."""
    generator = torch.Generator().manual_seed(1)
    found = probabilities(torch.randn(500, 10, generator=generator) * 10)
    for row in found.tolist():
        for value in sorted(row)[:-1]:
            assert len(json.dumps(value).partition("e")[0].replace(".", "").lstrip("0")) <= 4


@pytest.mark.parametrize("strange", [math.nan, math.inf])
def test_what_is_not_finite_is_seen(strange: float) -> None:
    """A row with such a logit isn't a number, and the others are."""
    found = probabilities(torch.tensor([[0.0] * 10, [strange] + [0.0] * 9]))
    assert np.isnan(found).any(1).tolist() == [False, True]


def test_ten_equal_logits_are_a_tenth_each() -> None:
    """The first of equals is the largest."""
    assert probabilities(torch.zeros(1, 10)).tolist() == [[0.1] * 10]
