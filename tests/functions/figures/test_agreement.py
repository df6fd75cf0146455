"""Macro F1, balanced accuracy and Cohen's kappa."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score, confusion_matrix, f1_score

from batch_prediction.figures.agreement import agreement
from batch_prediction.figures.intervals import Interval, score

PAIRS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=150)


def cells(images: int, right: float, seed: int) -> list[list[int]]:
    """A random confusion matrix of about as many right images."""
    generator = np.random.default_rng(seed)
    labels = generator.choice(10, images, p=np.arange(1, 11) / 55)
    found = np.where(generator.random(images) < right, labels, generator.integers(0, 10, images))
    matrix: list[list[int]] = confusion_matrix(labels, found, labels=range(10)).tolist()
    return matrix


@given(PAIRS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_figure_is_scikit_learn_s(pairs: list[tuple[int, int]]) -> None:
    """Also where a digit is missing among the labels, the predictions, or both; kappa may be None."""
    labels, predictions = ([pair[side] for pair in pairs] for side in (0, 1))
    matrix = confusion_matrix(labels, predictions, labels=range(10)).tolist()
    found = agreement(matrix)
    assert found is not None
    assert found.macro_f1.value == pytest.approx(f1_score(labels, predictions, average="macro"))
    assert found.balanced_accuracy.value == pytest.approx(balanced_accuracy_score(labels, predictions))
    if {*labels} == {*predictions} and len({*labels}) == 1:
        assert found.cohens_kappa is None
    else:
        assert found.cohens_kappa is not None
        assert found.cohens_kappa.value == pytest.approx(cohen_kappa_score(labels, predictions), abs=1e-12)
    for each in (found.macro_f1, found.balanced_accuracy, found.cohens_kappa):
        if each is not None:
            assert -1 <= each.low <= each.value <= each.high <= 1


def standard_error(interval: Interval, least: float = 0.0) -> float:
    """The standard error whose Wilson interval this is, of a figure from `least` to 1."""
    place = (interval.value - least) / (1 - least)
    low, high = 1.0, 1e9
    for _ in range(200):
        middle = (low * high) ** 0.5
        width = score(place, middle).high - score(place, middle).low
        low, high = (middle, high) if width > (interval.high - interval.low) / (1 - least) else (low, middle)
    return float((place * (1 - place) / low) ** 0.5) * (1 - least)


def test_kappa_s_standard_error_is_that_of_fleiss_cohen_and_everitt() -> None:
    """The formula of 1969 (https://doi.org/10.1037/h0028106), which statsmodels uses, within a hundredth."""
    matrix = cells(2_000, 0.9, 1)
    shares = np.array(matrix) / 2_000
    rows, columns = shares.sum(1), shares.sum(0)
    observed, chance = shares.trace(), float(rows @ columns)
    kappa = (observed - chance) / (1 - chance)
    diagonal = (shares.diagonal() * (1 - (rows + columns) * (1 - kappa)) ** 2).sum()
    sums = (columns[:, None] + rows[None, :]) ** 2 * shares  # of a cell's own column's row, and row's column
    off_diagonal = (1 - kappa) ** 2 * (sums.sum() - sums.trace())
    variance = (diagonal + off_diagonal - (kappa - chance * (1 - kappa)) ** 2) / (1 - chance) ** 2 / 2_000
    found = agreement(matrix)
    assert found is not None
    assert found.cohens_kappa is not None
    assert standard_error(found.cohens_kappa, -chance / (1 - chance)) == pytest.approx(
        variance**0.5, rel=0.01
    )


def test_the_balanced_accuracy_s_variance_is_that_of_ten_shares() -> None:
    """The sum of each recall's p (1 - p) / n, over the square of their number."""
    matrix = cells(5_000, 0.9, 2)
    supports = np.sum(matrix, axis=1)
    recalls = np.diag(matrix) / supports
    found = agreement(matrix)
    assert found is not None
    expected = (recalls * (1 - recalls) / supports).sum() ** 0.5 / 10
    assert standard_error(found.balanced_accuracy) == pytest.approx(expected, rel=0.01)


def test_macro_f1_s_standard_error_is_that_of_other_samples() -> None:
    """A thousand samples drawn from the same images scatter as far as the interval says, within a tenth."""
    matrix = cells(2_000, 0.9, 3)
    shares = np.array(matrix).ravel() / 2_000
    draws = np.random.default_rng(1).multinomial(2_000, shares, 1_000).reshape(-1, 10, 10)
    hits = np.diagonal(draws, axis1=1, axis2=2)
    scatter = (2 * hits / (draws.sum(1) + draws.sum(2))).mean(1).std()
    found = agreement(matrix)
    assert found is not None
    assert standard_error(found.macro_f1) == pytest.approx(scatter, rel=0.1)


@pytest.mark.parametrize(("images", "least"), [(200, 0.89), (1_000, 0.92)])
def test_the_intervals_hold_what_was_drawn_from_as_often_as_they_say(images: int, least: float) -> None:
    """In 300 batches whose accuracy is 98 %; Wilson's own interval of it holds in 93 % of those of 200."""
    truth = np.full((10, 10), 0.02 / 90) + np.eye(10) * (0.098 - 0.02 / 90)
    truth /= truth.sum()
    true = {"macro_f1": 0.0, "balanced_accuracy": 0.0, "cohens_kappa": 0.0}
    true["macro_f1"] = true["balanced_accuracy"] = truth.trace()
    true["cohens_kappa"] = (truth.trace() - 0.1) / 0.9
    held = dict.fromkeys(true, 0)
    for draw in np.random.default_rng(5).multinomial(images, truth.ravel(), 300).reshape(-1, 10, 10):
        found = agreement(draw.tolist())
        assert found is not None
        for name, value in true.items():
            interval = getattr(found, name)
            held[name] += interval.low <= value <= interval.high
    assert min(held.values()) / 300 >= least


def test_a_perfect_batch_has_intervals_of_accuracy_s_width() -> None:
    """Ten images of each digit, all right: 1, and as low as the Wilson interval of 100 of 100 allows."""
    found = agreement((10 * np.eye(10, dtype=int)).tolist())
    assert found is not None
    assert found.macro_f1 == found.balanced_accuracy == score(1.0, 100)
    assert found.cohens_kappa is not None
    assert (found.cohens_kappa.value, found.cohens_kappa.high) == (1, 1)
    assert found.cohens_kappa.low == pytest.approx((score(1.0, 100).low - 0.1) / 0.9)


def test_one_image_and_none() -> None:
    """One image has figures and wide intervals; none have no figures."""
    matrix = [[0] * 10 for _ in range(10)]
    assert agreement(matrix) is None
    matrix[3][5] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = agreement(matrix)
    assert found is not None
    assert (found.macro_f1.value, found.balanced_accuracy.value) == (0, 0)
    assert found.macro_f1.high > 0.7
