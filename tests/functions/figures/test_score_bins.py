"""Probabilities as 16-bit integers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_prediction.figures import score_bins
from batch_prediction.figures.score_bins import below, rank, value

PROBABILITY = st.floats(0, 1) | st.floats(-17, -1).map(lambda power: 1 - 10**power) | st.floats(0, 1e-9)


def one(probability: float) -> int:
    """The bin of one probability."""
    (found,) = score_bins.bins([probability])
    return found


@given(PROBABILITY, PROBABILITY)
def test_the_order_is_kept(some: float, other: float) -> None:
    """Of two probabilities the larger never has the lower rank."""
    lower, higher = sorted((some, other))
    assert rank(one(lower)) <= rank(one(higher))
    assert value(one(lower)) <= value(one(higher))


@given(PROBABILITY)
def test_a_bin_is_narrow_where_it_counts(probability: float) -> None:
    """Its value is within a part in 100 of the probability, and of the distance from 1."""
    found = value(one(probability))
    assert found == pytest.approx(probability, rel=0.01, abs=1e-37)
    if probability >= 0.5:
        assert 1 - found == pytest.approx(1 - probability, rel=0.01, abs=1e-15)


@given(PROBABILITY, PROBABILITY)
def test_the_threshold_of_a_bin_is_exceeded_from_there_on(probability: float, other: float) -> None:
    """What has the bin's rank or a higher one is above it, what has a lower one isn't.

    Within a millionth of a bin's end, which is where float32 rounds to.
    """
    threshold = below(one(probability))
    distance = min(abs(other - threshold) / max(1e-300, min(end, 1)) for end in (other, 1 - other))
    if distance > 1e-6:
        assert (rank(one(other)) >= rank(one(probability))) == (other > threshold)


def test_certainty_isn_t_impossibility() -> None:
    """1 and 0 are both no distance from their ends, and yet the highest and the lowest rank."""
    assert (value(one(1.0)), value(one(0.0))) == (1, 0)
    assert rank(one(1.0)) > rank(one(1 - 2**-53)) > rank(one(0.5)) > rank(one(0.499)) > rank(one(0.0))
    assert below(one(0.0)) < 0 < below(one(1.0)) < 1


def test_a_million_probabilities_fill_some_thousand_bins() -> None:
    """Memory doesn't grow with the images."""
    probabilities = 1 / (1 + np.exp(-np.random.default_rng(0).normal(0, 8, 1_000_000)))
    assert 1_000 < len(set(score_bins.bins(probabilities.tolist()))) < 12_000
