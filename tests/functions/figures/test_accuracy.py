"""Accuracy figures, against scikit-learn and SciPy."""

import math
import warnings
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from batch_prediction.figures.accuracy import Confusion, accuracy, by_class, confusions
from batch_prediction.figures.intervals import wilson
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


def test_no_images_have_no_accuracy() -> None:
    """Without images there is no figure, neither zero nor one."""
    nothing = [[0] * 10 for _ in LABELS]
    assert accuracy(nothing) is None
    assert all(figures.precision is figures.recall is figures.f1 is None for figures in by_class(nothing))


@given(PAIRS)
def test_confusions_are_the_most_frequent_first_with_the_smaller_digits_first(
    pairs: list[tuple[int, int]],
) -> None:
    """Each off-diagonal cell in the order of its images, then label, then prediction; ten at most."""
    matrix = confusion_matrix(
        [pair[0] for pair in pairs], [pair[1] for pair in pairs], labels=LABELS
    ).tolist()
    counted = Counter((label, found) for label, found in pairs if label != found)
    expected = sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:10]
    labels = Counter(label for label, _ in pairs)
    assert confusions(matrix) == [
        Confusion(label, found, images, images / labels[label]) for (label, found), images in expected
    ]


def test_of_eleven_confusions_the_rarest_is_left_out() -> None:
    """Ten are listed, though the eleventh is the larger share of its label's images."""
    matrix = [[0] * 10 for _ in LABELS]
    matrix[0] = [1000, *range(11, 2, -1)]  # nine: 11 to 3 images
    matrix[1][0], matrix[2][0] = 3, 2
    found = confusions(matrix)
    assert [(each.label, each.prediction, each.images) for each in found] == [
        *((0, prediction, 12 - prediction) for prediction in range(1, 10)),
        (1, 0, 3),
    ]
    assert found[-1].share == 1.0


def test_the_most_frequent_confusions_come_first_and_the_smaller_digits_among_equals() -> None:
    """A share is of the label's images; what was read rightly is no confusion."""
    matrix = [[0] * 10 for _ in LABELS]
    matrix[4][4], matrix[4][9], matrix[4][1] = 5, 3, 2
    matrix[9][4], matrix[0][8] = 3, 1
    assert confusions(matrix) == [
        Confusion(4, 9, 3, 0.3),
        Confusion(9, 4, 3, 1.0),
        Confusion(4, 1, 2, 0.2),
        Confusion(0, 8, 1, 1.0),
    ]
    assert confusions(matrix, most=1) == [Confusion(4, 9, 3, 0.3)]


def test_each_class_is_named() -> None:
    """In the order of the digits."""
    assert [figures.label for figures in by_class([[1] * 10 for _ in LABELS])] == list(range(10))


@given(PAIRS)
def test_recall_and_precision_have_the_intervals_of_shares(pairs: list[tuple[int, int]]) -> None:
    """Of the label's images, and of those read as it; None where there are none."""
    for figures in by_class(confusion_matrix(*zip(*pairs, strict=True), labels=LABELS).tolist()):
        hits = pairs.count((figures.label, figures.label))
        read = sum(prediction == figures.label for _, prediction in pairs)
        assert figures.recall_interval == wilson(hits, figures.support)
        assert figures.precision_interval == wilson(hits, read)
