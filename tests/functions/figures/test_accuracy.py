"""Accuracy figures, against scikit-learn and SciPy."""

import math
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from batch_prediction.figures.accuracy import accuracy, by_class, wilson
from batch_prediction.labels import LABELS

PAIRS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=200)


@given(PAIRS)
def test_figures_agree_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    """For any labels and predictions, accuracy and the classes' figures are those of scikit-learn."""
    labels, predictions = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    matrix = confusion_matrix(labels, predictions, labels=LABELS).tolist()
    interval = accuracy(matrix)
    assert interval is not None
    assert interval.value == pytest.approx(accuracy_score(labels, predictions))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = precision_recall_fscore_support(labels, predictions, labels=LABELS, zero_division=math.nan)
    for figures, precision, recall, f1, support in zip(by_class(matrix), *expected, strict=True):
        assert figures.support == support
        for ours, theirs in ((figures.precision, precision), (figures.recall, recall), (figures.f1, f1)):
            assert ours == (None if math.isnan(theirs) else pytest.approx(theirs))


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


def test_no_images_have_no_accuracy() -> None:
    """Without images there is no figure, neither zero nor one."""
    nothing = [[0] * 10 for _ in LABELS]
    assert accuracy(nothing) is None
    assert all(figures.precision is figures.recall is figures.f1 is None for figures in by_class(nothing))
