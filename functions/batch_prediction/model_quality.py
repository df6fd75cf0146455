"""A run's figures in the model-quality schema of SageMaker Model Monitor, which other tools read.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
"""

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any

from batch_prediction.labels import LABELS

CONTENT_TYPE = "application/json"
_FEWEST = 200  # images, below which Model Monitor gives no standard deviation

Matrix = Sequence[Sequence[float]]


def statistics(report: dict[str, Any]) -> dict[str, Any] | None:
    """The content of model_quality.json; None for a run without labelled images."""
    matrix = report["confusion_matrix"]
    if not report["labelled"]:
        return None
    constant = _always_the_most_frequent(matrix)
    figures: dict[str, Any] = {
        "confusion_matrix": {
            str(label): {str(prediction): matrix[label][prediction] for prediction in LABELS}
            for label in LABELS
        }
    }
    for suffix, counted in (("", matrix), ("_best_constant_classifier", constant)):
        for name, metric in METRICS.items():
            figures[f"{name}{suffix}"] = {
                "value": metric(counted),
                "standard_deviation": _standard_deviation(metric, counted),
            }
    job = report["transform_job"]
    return {
        "version": 0.0,
        "dataset": {
            "item_count": report["labelled"],
            "start_time": job["started"],
            "end_time": job["ended"],
            "evaluation_time": job["ended"],
        },
        "multiclass_classification_metrics": figures,
    }


def _accuracy(matrix: Matrix) -> float:
    return sum(matrix[label][label] for label in LABELS) / sum(map(sum, matrix))


def _precision(matrix: Matrix) -> float:
    predicted = [sum(row[label] for row in matrix) for label in LABELS]
    return _weighted(matrix, [_ratio(matrix[label][label], predicted[label]) for label in LABELS])


def _f_beta(beta: float) -> Callable[[Matrix], float]:
    """The weighted F score, which counts recall `beta` times as much as precision."""
    square = beta * beta

    def metric(matrix: Matrix) -> float:
        predicted = [sum(row[label] for row in matrix) for label in LABELS]
        scores = [
            _ratio((1 + square) * matrix[label][label], square * sum(matrix[label]) + predicted[label])
            for label in LABELS
        ]
        return _weighted(matrix, scores)

    return metric


METRICS: dict[str, Callable[[Matrix], float]] = {
    "accuracy": _accuracy,
    "weighted_recall": _accuracy,  # each label's recall, weighted by its images, adds up to the accuracy
    "weighted_precision": _precision,
    "weighted_f0_5": _f_beta(0.5),
    "weighted_f1": _f_beta(1),
    "weighted_f2": _f_beta(2),
}


def _weighted(matrix: Matrix, scores: list[float]) -> float:
    """The mean of each label's score, weighted by its images; a score without images counts as 0."""
    return sum(sum(row) * score for row, score in zip(matrix, scores, strict=True)) / sum(map(sum, matrix))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _always_the_most_frequent(matrix: list[list[int]]) -> list[list[int]]:
    """The confusion matrix of a model that always answers with the most frequent label."""
    best = max(LABELS, key=lambda label: sum(matrix[label]))
    return [[sum(row) if prediction == best else 0 for prediction in LABELS] for row in matrix]


def _standard_deviation(metric: Callable[[Matrix], float], matrix: list[list[int]]) -> float | str:
    """How far the figure would scatter over other samples of as many images; `NaN` for too few of them.

    The infinitesimal jackknife (https://doi.org/10.1214/aos/1176344552): each image's pull on the figure,
    taken over the cells of the matrix. For the accuracy that is the binomial's deviation.
    """
    total = sum(map(sum, matrix))
    if total < _FEWEST:
        return "NaN"
    value, squares = metric(matrix), 0.0
    step = total * 1e-6  # of an image more: the slope is that of a smooth function
    for label in LABELS:
        for prediction in LABELS:
            if count := matrix[label][prediction]:
                nudged = [[float(cell) for cell in row] for row in matrix]
                nudged[label][prediction] += step
                pull = (metric(nudged) - value) * (total + step) / step
                squares += count * pull * pull
    return sqrt(squares) / total
