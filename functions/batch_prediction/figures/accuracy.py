"""Accuracy figures from a confusion matrix. Agrees with scikit-learn, which the tests ask."""

from dataclasses import dataclass

from batch_prediction.figures.intervals import Interval, Matrix, wilson
from batch_prediction.labels import LABELS


@dataclass(frozen=True)
class Confusion:
    """Images of one label that were read as one other digit; `share` is of the label's images."""

    label: int
    prediction: int
    images: int
    share: float


@dataclass(frozen=True)
class ClassFigures:
    """One label's figures; None where the denominator is zero."""

    label: int
    support: int  # images with this label
    precision: float | None
    recall: float | None
    f1: float | None
    precision_interval: Interval | None  # Wilson's
    recall_interval: Interval | None


def accuracy(matrix: Matrix) -> Interval | None:
    """The share of images on the diagonal of a confusion matrix (rows: labels, columns: predictions)."""
    return wilson(sum(matrix[label][label] for label in LABELS), sum(map(sum, matrix)))


def by_class(matrix: Matrix) -> list[ClassFigures]:
    """Precision, recall and F1 of each label."""
    return [_class_figures(matrix, label) for label in LABELS]


def confusions(matrix: Matrix, most: int = 10) -> list[Confusion]:
    """The most frequent confusions, at most `most` of them; among equals, the smaller digits come first."""
    found = [
        Confusion(label, prediction, images, images / sum(matrix[label]))
        for label in LABELS
        for prediction in LABELS
        if label != prediction and (images := matrix[label][prediction])
    ]
    return sorted(found, key=lambda confusion: -confusion.images)[:most]


def _class_figures(matrix: Matrix, label: int) -> ClassFigures:
    hits, support = matrix[label][label], sum(matrix[label])
    predicted = sum(row[label] for row in matrix)
    return ClassFigures(
        label=label,
        support=support,
        precision=_ratio(hits, predicted),
        recall=_ratio(hits, support),
        f1=_ratio(2 * hits, support + predicted),
        precision_interval=wilson(hits, predicted),
        recall_interval=wilson(hits, support),
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
