"""A confusion matrix as SageMaker's model-quality statistics, which its registry and model cards read.

Schema: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
"""

from collections.abc import Callable
from typing import Any

from batch_prediction.figures.intervals import Matrix, jackknife

_FEWEST = 200  # images below which a standard deviation is "NaN", as Model Monitor has it


def statistics(matrix: Matrix) -> dict[str, Any]:  # JSON of Model Monitor's schema
    """The group `multiclass_classification_metrics`: every cell of the matrix, zeros included.

    Standard deviations are the jackknife's, over the images. ValueError for a matrix without images.
    """
    total = sum(map(sum, matrix))
    if not total:
        raise ValueError("model quality: expected a confusion matrix with images, found none")
    figures: dict[str, Any] = {  # nested counts next to figures, which may be "NaN"
        "confusion_matrix": {
            str(label): {str(prediction): count for prediction, count in enumerate(row)}
            for label, row in enumerate(matrix)
        }
    }
    for name, figure in _FIGURES.items():
        deviation = jackknife(figure, matrix, total) if total >= _FEWEST else "NaN"
        figures[name] = {"value": figure(matrix), "standard_deviation": deviation}
    return {"multiclass_classification_metrics": figures}


def _accuracy(matrix: Matrix) -> float:
    return sum(row[label] for label, row in enumerate(matrix)) / sum(map(sum, matrix))


def _weighted(figure: Callable[[int, int, int], float]) -> Callable[[Matrix], float]:
    """The mean over labels of a figure of (hits, support, predicted), weighted by support."""

    def mean(matrix: Matrix) -> float:
        predicted = [sum(column) for column in zip(*matrix, strict=True)]
        supports = [sum(row) for row in matrix]
        return sum(
            support * figure(matrix[label][label], support, predicted[label])
            for label, support in enumerate(supports)
        ) / sum(supports)

    return mean


def _precision(hits: int, _support: int, predicted: int) -> float:
    return hits / predicted if predicted else 0.0


def _recall(hits: int, support: int, _predicted: int) -> float:
    return hits / support if support else 0.0


def _f(beta: float) -> Callable[[int, int, int], float]:
    def score(hits: int, support: int, predicted: int) -> float:
        weight = beta * beta * support + predicted
        return (1 + beta * beta) * hits / weight if weight else 0.0

    return score


def _best_constant(matrix: Matrix) -> Matrix:
    """The matrix of a classifier that always answers the most frequent label."""
    supports = [sum(row) for row in matrix]
    best = supports.index(max(supports))
    return [
        [support if prediction == best else 0 for prediction in range(len(matrix))] for support in supports
    ]


_OWN: dict[str, Callable[[Matrix], float]] = {
    "accuracy": _accuracy,
    "weighted_recall": _weighted(_recall),
    "weighted_precision": _weighted(_precision),
    "weighted_f0_5": _weighted(_f(0.5)),
    "weighted_f1": _weighted(_f(1)),
    "weighted_f2": _weighted(_f(2)),
}


def _of_constant(figure: Callable[[Matrix], float]) -> Callable[[Matrix], float]:
    return lambda matrix: figure(_best_constant(matrix))


_FIGURES = _OWN | {f"{name}_best_constant_classifier": _of_constant(figure) for name, figure in _OWN.items()}
