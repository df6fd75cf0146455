"""Accuracy figures from a confusion matrix. Agrees with scikit-learn, which the tests ask."""

from dataclasses import dataclass
from math import sqrt

from batch_prediction.labels import LABELS

Z95 = 1.959963984540054  # the normal distribution's 97.5 % quantile


@dataclass(frozen=True)
class Interval:
    """A proportion with its 95 % interval."""

    value: float
    low: float
    high: float


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


def wilson(correct: int, total: int) -> Interval | None:
    """Wilson's score interval, without continuity correction; None for no images.

    https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval#Wilson_score_interval
    """
    if total == 0:
        return None
    share, z2 = correct / total, Z95 * Z95
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = Z95 / (1 + z2 / total) * sqrt(share * (1 - share) / total + z2 / (4 * total * total))
    low = 0.0 if correct == 0 else max(0.0, centre - half)
    high = 1.0 if correct == total else min(1.0, centre + half)
    return Interval(share, low, high)


def accuracy(matrix: list[list[int]]) -> Interval | None:
    """The share of images on the diagonal of a confusion matrix (rows: labels, columns: predictions)."""
    return wilson(sum(matrix[label][label] for label in LABELS), sum(map(sum, matrix)))


def by_class(matrix: list[list[int]]) -> list[ClassFigures]:
    """Precision, recall and F1 of each label."""
    return [_class_figures(matrix, label) for label in LABELS]


def confusions(matrix: list[list[int]], most: int = 10) -> list[Confusion]:
    """The most frequent confusions, at most `most` of them; among equals, the smaller digits come first."""
    found = [
        Confusion(label, prediction, images, images / sum(matrix[label]))
        for label in LABELS
        for prediction in LABELS
        if label != prediction and (images := matrix[label][prediction])
    ]
    return sorted(found, key=lambda confusion: -confusion.images)[:most]


def _class_figures(matrix: list[list[int]], label: int) -> ClassFigures:
    hits, support = matrix[label][label], sum(matrix[label])
    predicted = sum(row[label] for row in matrix)
    return ClassFigures(
        label=label,
        support=support,
        precision=_ratio(hits, predicted),
        recall=_ratio(hits, support),
        f1=_ratio(2 * hits, support + predicted),
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
