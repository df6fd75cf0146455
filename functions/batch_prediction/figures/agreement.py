"""What a confusion matrix says of all classes together: macro F1, balanced accuracy, Cohen's kappa.

Each as scikit-learn defines it. The variances are the jackknife's, which for such smooth figures is the delta
method's; the intervals are Wilson's at the effective sample size.
"""

from collections.abc import Callable
from dataclasses import dataclass

from batch_prediction.figures.intervals import Interval, Matrix, effective, jackknife
from batch_prediction.labels import LABELS


@dataclass(frozen=True)
class Agreement:
    """Figures over all classes; kappa is None where one label and one prediction are all there is."""

    macro_f1: Interval
    balanced_accuracy: Interval
    cohens_kappa: Interval | None


def agreement(matrix: Matrix) -> Agreement | None:
    """The three figures of a confusion matrix; None for no images."""
    total = sum(map(sum, matrix))
    if not total:
        return None
    supports = [support for row in matrix if (support := sum(row))]
    # Where all is right, a recall's share of the variance is p (1 - p) / support / classes².
    equal_recalls = len(supports) ** 2 / sum(1 / support for support in supports)
    return Agreement(
        _interval(_macro_f1, matrix, total, total),
        _interval(_balanced_accuracy, matrix, total, equal_recalls),
        _kappa_interval(matrix, total),
    )


def _interval(figure: Callable[[Matrix], float], matrix: Matrix, total: int, fallback: float) -> Interval:
    return effective(figure(matrix), _variance(figure, matrix, total), fallback)


def _kappa_interval(matrix: Matrix, total: int) -> Interval | None:
    """Kappa's interval, found as if it were the accuracy; None where chance explains everything."""
    chance = _chance(matrix)
    if chance == 1:
        return None
    beyond = 1 - chance
    value = _cohens_kappa(matrix)
    found = effective(chance + value * beyond, _variance(_cohens_kappa, matrix, total) * beyond**2, total)
    low, high = ((end - chance) / beyond for end in (found.low, found.high))
    return Interval(value, max(-1.0, min(value, low)), min(1.0, max(value, high)))


def _variance(figure: Callable[[Matrix], float], matrix: Matrix, total: int) -> float:
    return jackknife(figure, matrix, total) ** 2 if total > 1 else 0.0


def _macro_f1(matrix: Matrix) -> float:
    """The mean F1 of the digits that occur as a label or as a prediction.

    https://scikit-learn.org/stable/modules/generated/sklearn.metrics.f1_score.html
    """
    occurrences = [sum(row) + sum(column) for row, column in zip(matrix, _columns(matrix), strict=True)]
    scores = [2 * matrix[digit][digit] / count for digit, count in enumerate(occurrences) if count]
    return sum(scores) / len(scores)


def _balanced_accuracy(matrix: Matrix) -> float:
    """The mean recall of the labels that occur.

    https://scikit-learn.org/stable/modules/generated/sklearn.metrics.balanced_accuracy_score.html
    """
    recalls = [row[label] / support for label, row in enumerate(matrix) if (support := sum(row))]
    return sum(recalls) / len(recalls)


def _cohens_kappa(matrix: Matrix) -> float:
    """Agreement beyond chance; 0 where chance alone explains everything.

    https://scikit-learn.org/stable/modules/generated/sklearn.metrics.cohen_kappa_score.html
    """
    chance = _chance(matrix)
    observed = sum(matrix[label][label] for label in LABELS) / sum(map(sum, matrix))
    return (observed - chance) / (1 - chance) if chance < 1 else 0.0


def _chance(matrix: Matrix) -> float:
    """The agreement expected of independent labels and predictions with the same shares."""
    total = sum(map(sum, matrix))
    products = (sum(row) * sum(column) for row, column in zip(matrix, _columns(matrix), strict=True))
    return sum(products) / total**2


def _columns(matrix: Matrix) -> list[tuple[int, ...]]:
    return list(zip(*matrix, strict=True))
