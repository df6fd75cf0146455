"""Doubts, counted: against NumPy's histogram."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_prediction.figures.doubts import BINS, Doubts, upper_edge
from batch_prediction.labels import LABELS

CONFIDENCES = st.one_of(st.floats(0.1, 1), st.floats(0.5, 17).map(lambda power: 1 - 10**-power))
ANSWERS = st.lists(st.tuples(st.sampled_from(LABELS), CONFIDENCES), max_size=60)


def counted(answers: list[tuple[int, float]]) -> Doubts:
    """The doubts of some answers."""
    doubts = Doubts()
    doubts.add(answers)
    return doubts


@given(ANSWERS)
def test_the_bins_are_numpys_histogram_of_logarithms(answers: list[tuple[int, float]]) -> None:
    """For each prediction there are as many images a bin as NumPy counts, and its doubts add up."""
    doubts = counted(answers)
    for label in LABELS:
        own = np.array([1 - confidence for prediction, confidence in answers if prediction == label])
        powers = -np.log10(np.maximum(own, 1e-8))
        expected, _ = np.histogram(powers, np.append(np.arange(BINS) / 2, np.inf))
        assert doubts.bins[label] == expected.tolist()
        assert doubts.sums[label] == pytest.approx(own.sum())
        assert doubts.squares[label] == pytest.approx((own**2).sum())


@given(ANSWERS, ANSWERS)
def test_parts_add_up(first: list[tuple[int, float]], second: list[tuple[int, float]]) -> None:
    """Counted in two parts or in one, the doubts are the same."""
    merged, whole = counted(first), counted(first + second)
    merged.add(second)
    assert merged.bins == whole.bins
    assert merged.sums == pytest.approx(whole.sums)
    assert merged.squares == pytest.approx(whole.squares)


def test_totals_are_over_predictions_and_bins() -> None:
    """The mix counts by prediction, the histogram by bin, and the mean is over all images."""
    doubts = counted([(3, 0.5), (3, 0.9), (7, 1.0)])
    assert doubts.mix == [0, 0, 0, 2, 0, 0, 0, 1, 0, 0]
    assert [(number, count) for number, count in enumerate(doubts.histogram) if count] == [
        (0, 1),
        (2, 1),
        (15, 1),
    ]
    assert doubts.images == 3
    assert doubts.mean == pytest.approx(0.2)


def bin_of(doubt: float) -> int:
    """The bin in which an answer with this doubt is counted."""
    return counted([(0, 1 - doubt)]).bins[0].index(1)


@pytest.mark.parametrize("number", range(BINS))
def test_a_bin_reaches_from_its_edge_to_that_of_the_next(number: int) -> None:
    """Just below its upper edge a doubt is in the bin, just above in the one before."""
    edge = upper_edge(number)
    assert bin_of(edge * 0.999) == number
    assert bin_of(min(1.0, edge * 1.001)) == max(0, number - 1)


def test_no_doubt_is_in_the_last_bin() -> None:
    """A confidence of 1 has no logarithm, and the least doubt there is."""
    assert bin_of(0.0) == bin_of(1e-12) == BINS - 1
