"""model_quality.json, in the schema of SageMaker Model Monitor."""

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score, fbeta_score, precision_score, recall_score

from batch_prediction.model_quality import METRICS, _standard_deviation, statistics

PAIRS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=300)


def matrix_of(pairs: list[tuple[int, int]]) -> list[list[int]]:
    """The confusion matrix of (label, prediction) pairs."""
    matrix = [[0] * 10 for _ in range(10)]
    for label, prediction in pairs:
        matrix[label][prediction] += 1
    return matrix


def report_of(matrix: list[list[int]]) -> dict[str, Any]:
    """What of a report the figures are made of."""
    return {
        "labelled": sum(map(sum, matrix)),
        "confusion_matrix": matrix,
        "transform_job": {"started": "2026-11-22T15:44:31Z", "ended": "2026-11-22T15:48:07Z"},
    }


def figures_of(matrix: list[list[int]]) -> dict[str, Any]:
    """The group of figures, as a program reads it."""
    content = statistics(report_of(matrix))
    assert content
    figures: dict[str, Any] = content["multiclass_classification_metrics"]
    return figures


@given(PAIRS)
def test_the_figures_are_scikit_learn_s(pairs: list[tuple[int, int]]) -> None:
    """Each weighted figure is scikit-learn's, for the model and for the best constant one."""
    labels, predictions = [label for label, _ in pairs], [prediction for _, prediction in pairs]
    figures = figures_of(matrix_of(pairs))
    constant = DummyClassifier(strategy="most_frequent").fit(np.zeros((len(labels), 1)), labels)
    always = constant.predict(np.zeros((len(labels), 1)))
    averaged: dict[str, Any] = {"average": "weighted", "zero_division": 0}
    for suffix, answers in (("", predictions), ("_best_constant_classifier", always)):
        expected = {
            "accuracy": accuracy_score(labels, answers),
            "weighted_recall": recall_score(labels, answers, **averaged),
            "weighted_precision": precision_score(labels, answers, **averaged),
            "weighted_f0_5": fbeta_score(labels, answers, beta=0.5, **averaged),
            "weighted_f1": fbeta_score(labels, answers, beta=1, **averaged),
            "weighted_f2": fbeta_score(labels, answers, beta=2, **averaged),
        }
        found = {name: figures[f"{name}{suffix}"]["value"] for name in METRICS}
        assert found == pytest.approx(expected)


def test_every_cell_is_written_and_few_images_have_no_deviation() -> None:
    """Zeros stand in the matrix too; below 200 images the deviation is Model Monitor's text `NaN`."""
    figures = figures_of(matrix_of([(7, 1)] * 199))
    cells = figures.pop("confusion_matrix")
    assert {label: list(row) for label, row in cells.items()} == {
        str(label): [str(prediction) for prediction in range(10)] for label in range(10)
    }
    assert cells["7"] == {str(prediction): 199 if prediction == 1 else 0 for prediction in range(10)}
    assert {figure["standard_deviation"] for figure in figures.values()} == {"NaN"}
    assert len(figures) == 2 * len(METRICS)


@pytest.mark.parametrize("name", METRICS)
def test_the_deviation_is_that_of_other_samples(name: str) -> None:
    """A thousand samples drawn from the same images scatter as far as the figure says, within a tenth."""
    chance = random.Random(1)  # noqa: S311 (digits to guess, no secret)
    matrix = matrix_of(
        [(d, d if chance.random() < 0.9 else chance.randrange(10)) for d in range(10) for _ in range(100)]
    )
    cells = np.array(matrix)
    shares = cells.ravel() / cells.sum()
    draws = np.random.default_rng(1).multinomial(cells.sum(), shares, size=1000).reshape(-1, 10, 10)
    scatter = np.std([METRICS[name](draw.tolist()) for draw in draws])
    assert _standard_deviation(METRICS[name], matrix) == pytest.approx(scatter, rel=0.1)


def test_the_accuracy_s_deviation_is_the_binomial_s() -> None:
    """900 right of 1,000: the square root of 0.9 × 0.1 / 1,000."""
    figures = figures_of(matrix_of([(3, 3)] * 900 + [(3, 5)] * 100))
    assert figures["accuracy"]["standard_deviation"] == pytest.approx((0.9 * 0.1 / 1000) ** 0.5, rel=1e-4)


def test_a_run_without_labelled_images_has_no_such_file() -> None:
    """There is nothing to state about it."""
    assert statistics(report_of([])) is None
