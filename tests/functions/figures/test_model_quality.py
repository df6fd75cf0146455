"""SageMaker's model-quality statistics."""

import numpy as np
import pytest
from sklearn import metrics

from batch_prediction.figures import model_quality


def matrix(images: int, seed: int) -> list[list[int]]:
    """A random confusion matrix with more hits than mistakes."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 10, images)
    predictions = np.where(generator.random(images) < 0.8, labels, generator.integers(0, 10, images))
    found: list[list[int]] = metrics.confusion_matrix(labels, predictions, labels=range(10)).tolist()
    return found


def pairs(cells: list[list[int]]) -> tuple[list[int], list[int]]:
    """The labels and predictions that a matrix counts."""
    counted = [
        (label, guess) for label in range(10) for guess in range(10) for _ in range(cells[label][guess])
    ]
    return [label for label, _ in counted], [guess for _, guess in counted]


def scores(labels: list[int], guesses: list[int]) -> dict[str, float]:
    """Every figure of such labels and predictions by scikit-learn."""
    common = {"average": "weighted", "zero_division": 0}
    return {
        "accuracy": metrics.accuracy_score(labels, guesses),
        "weighted_recall": metrics.recall_score(labels, guesses, **common),
        "weighted_precision": metrics.precision_score(labels, guesses, **common),
        "weighted_f0_5": metrics.fbeta_score(labels, guesses, beta=0.5, **common),
        "weighted_f1": metrics.f1_score(labels, guesses, **common),
        "weighted_f2": metrics.fbeta_score(labels, guesses, beta=2, **common),
    }


@pytest.mark.parametrize("seed", range(5))
def test_every_figure_agrees_with_scikit_learn(seed: int) -> None:
    """Accuracy, weighted precision, recall and F-scores are those of scikit-learn over the same pairs."""
    cells = matrix(500, seed)
    labels, guesses = pairs(cells)
    found = model_quality.statistics(cells)["multiclass_classification_metrics"]
    expected = scores(labels, guesses)
    for name, value in expected.items():
        assert found[name]["value"] == pytest.approx(value)
    constant = [max(set(labels), key=lambda label: (labels.count(label), -label))] * len(labels)
    for name, value in scores(labels, constant).items():
        assert found[f"{name}_best_constant_classifier"]["value"] == pytest.approx(value)
    assert found.keys() == {
        "confusion_matrix",
        *expected,
        *(f"{name}_best_constant_classifier" for name in expected),
    }


def test_a_label_that_nothing_is_read_as_has_no_part_in_the_precision() -> None:
    """Neither has one without images in the recall: there is nothing to divide by."""
    cells = [[0] * 10 for _ in range(10)]
    cells[3][5], cells[5][5] = 1, 1
    found = model_quality.statistics(cells)["multiclass_classification_metrics"]
    assert found["weighted_precision"]["value"] == 0.25
    assert found["weighted_recall"]["value"] == 0.5


def test_the_deviation_of_the_accuracy_is_the_binomial_one() -> None:
    """The jackknife of a share is the square root of p (1 - p) / (n - 1)."""
    cells = matrix(400, seed=1)
    accuracy = model_quality.statistics(cells)["multiclass_classification_metrics"]["accuracy"]
    p = accuracy["value"]
    assert accuracy["standard_deviation"] == pytest.approx((p * (1 - p) / 399) ** 0.5)


@pytest.mark.parametrize("name", ["weighted_precision", "weighted_f1", "weighted_f2"])
def test_a_deviation_is_that_of_other_samples(name: str) -> None:
    """A thousand samples drawn from the same images scatter as far as the figure says, within a tenth."""
    cells = np.array(matrix(1000, seed=1))
    shares = cells.ravel() / cells.sum()
    draws = np.random.default_rng(1).multinomial(cells.sum(), shares, size=1000).reshape(-1, 10, 10)
    figure = model_quality._FIGURES[name]
    stated = model_quality.statistics(cells.tolist())["multiclass_classification_metrics"][name]
    scatter = np.std([figure(draw.tolist()) for draw in draws])
    assert stated["standard_deviation"] == pytest.approx(scatter, rel=0.1)


def test_every_cell_is_written_and_few_images_have_no_deviation() -> None:
    """Zeros are cells, too; below 200 images the deviation is the text NaN."""
    cells = [[0] * 10 for _ in range(10)]
    cells[3][3], cells[3][5] = 4, 1
    found = model_quality.statistics(cells)["multiclass_classification_metrics"]
    assert found["confusion_matrix"]["3"] == {str(guess): cells[3][guess] for guess in range(10)}
    assert found["confusion_matrix"]["7"] == dict.fromkeys(map(str, range(10)), 0)
    assert {figure["standard_deviation"] for name, figure in found.items() if name != "confusion_matrix"} == {
        "NaN"
    }


def test_every_figure_of_the_constant_classifier_is_scikit_learn_s() -> None:
    """It always answers the most frequent label; of two as frequent, either has these figures."""
    cells = [[3, 2, 0], [0, 5, 0], [1, 0, 2]]
    cells = [[*row, *[0] * 7] for row in cells] + [[0] * 10 for _ in range(7)]
    labels, _ = pairs(cells)
    constant = [0] * len(labels)
    found = model_quality.statistics(cells)["multiclass_classification_metrics"]
    for name, expected in scores(labels, constant).items():
        assert found[f"{name}_best_constant_classifier"]["value"] == pytest.approx(expected)


def test_a_matrix_without_images_is_refused() -> None:
    """Without images there is no accuracy."""
    with pytest.raises(ValueError, match="found none"):
        model_quality.statistics([[0] * 10 for _ in range(10)])


@pytest.mark.parametrize(("images", "known"), [(199, False), (200, True), (201, True)])
def test_a_deviation_is_known_from_two_hundred_images_on(images: int, known: bool) -> None:
    """Below that it is the text NaN, as Model Monitor writes it."""
    figures = model_quality.statistics(matrix(images, seed=3))["multiclass_classification_metrics"]
    deviations = [
        figure["standard_deviation"] for name, figure in figures.items() if name != "confusion_matrix"
    ]
    assert len(deviations) == 12
    assert all(isinstance(each, float) if known else each == "NaN" for each in deviations)


def test_the_matrix_is_left_as_it_was() -> None:
    """The jackknife takes an image out of a cell, and puts it back."""
    cells = matrix(300, seed=4)
    before = [list(row) for row in cells]
    found = model_quality.statistics(cells)["multiclass_classification_metrics"]["confusion_matrix"]
    assert cells == before
    assert [list(row.values()) for row in found.values()] == before
