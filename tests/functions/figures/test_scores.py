"""Ten probabilities an image: log loss, Brier score, top-2 accuracy."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss, top_k_accuracy_score

from batch_prediction.figures import score_bins
from batch_prediction.figures.intervals import mean, wilson
from batch_prediction.figures.scores import ProperScores, Scores, proper_scores
from tests.functions.figures.scored import Labels, Probabilities, Records, made, real, records


def scored(images: Records) -> Scores:
    """The images, counted."""
    found = Scores()
    found.add(images)
    return found


@pytest.mark.parametrize("images", [real(), made(3_000)], ids=["real", "made"])
def test_the_figures_are_scikit_learn_s(images: tuple[Labels, Probabilities]) -> None:
    """Log loss in nats, Brier's score over all digits, and the share of labels among the best two."""
    labels, probabilities = images
    found = proper_scores(scored(records(labels, probabilities)))
    assert found is not None
    assert found.log_loss is not None
    assert found.brier_score is not None
    expected = log_loss(labels, probabilities, labels=range(10))
    assert found.log_loss.value == pytest.approx(expected, rel=1e-12)
    expected = brier_score_loss(labels, probabilities, labels=range(10))
    assert found.brier_score.value == pytest.approx(expected, rel=1e-12)
    expected = top_k_accuracy_score(labels, probabilities, k=2, labels=range(10))
    assert found.top_2_accuracy.value == pytest.approx(expected, rel=1e-12)


def test_the_intervals_are_those_of_the_images_own_values() -> None:
    """Each image has a loss and a score; their means and spreads are what the intervals are made of."""
    labels, probabilities = made(1_000)
    found = proper_scores(scored(records(labels, probabilities)))
    losses = -np.log(probabilities[np.arange(1_000), labels])
    brier = ((probabilities - np.eye(10)[labels]) ** 2).sum(1)
    assert found is not None
    for interval, values in ((found.log_loss, losses), (found.brier_score, brier)):
        expected = mean(float(values.sum()), float((values**2).sum()), 1_000)
        assert interval is not None
        assert expected is not None
        assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))
    among_two = sum(label in row.argsort()[-2:] for label, row in zip(labels, probabilities, strict=True))
    assert found.top_2_accuracy == wilson(among_two, 1_000)


@given(st.lists(st.integers(0, 60), max_size=4))
def test_parts_in_any_division_give_the_same(ends: list[int]) -> None:
    """Added at once, one part after the other, or counted apart and merged."""
    images = records(*made(60, 4))
    whole, merged, one_by_one = scored(images), Scores(), Scores()
    edges = [0, *sorted(ends), 60]
    for first, last in pairwise(edges):
        merged.merge(scored(images[first:last]))
        one_by_one.add(iter(images[first:last]))
    for found in (merged, one_by_one):
        assert (found.images, found.right, found.second) == (whole.images, whole.right, whole.second)
        assert (found.bins, found.truths, found.outcomes) == (whole.bins, whole.truths, whole.outcomes)
        assert found.log_loss == pytest.approx(whole.log_loss, rel=1e-13)
        assert found.brier == pytest.approx(whole.brier, rel=1e-13)


def test_more_images_than_a_part_has_are_counted_in_pieces() -> None:
    """25,000 images from an iterator: none is left out, and none twice."""
    images = records(*made(2_500)) * 10
    found = scored(images)
    assert found.images == found.outcomes.total() == found.truths.total() == 25_000
    assert [each.total() for each in found.bins] == [25_000] * 10
    assert found.log_loss == pytest.approx([10 * each for each in scored(images[:2_500]).log_loss], rel=1e-12)


def test_bins_are_counted_by_digit_by_label_and_by_prediction() -> None:
    """Two images: one right and sure, one wrong, whose label is the second guess."""
    sure, unsure = [0.0] * 10, [0.01] * 10
    sure[3] = 1.0
    unsure[4], unsure[9] = 0.7, 0.22
    found = scored([(3, sure), (9, unsure)])
    bin_of = {each: score_bins.bins([each])[0] for each in (0.0, 0.01, 0.22, 0.7, 1.0)}
    assert found.bins[3] == Counter({bin_of[1.0]: 1, bin_of[0.01]: 1})
    assert found.bins[9] == Counter({bin_of[0.0]: 1, bin_of[0.22]: 1})
    assert found.truths == Counter({(3, bin_of[1.0]): 1, (9, bin_of[0.22]): 1})
    assert found.outcomes == Counter({(True, bin_of[1.0]): 1, (False, bin_of[0.7]): 1})
    assert (found.images, found.right, found.second) == (2, 1, 1)


def test_of_equal_probabilities_the_smaller_digit_is_the_better_guess() -> None:
    """As of the predictions: the first of ten equal ones is right, the second the second guess."""
    found = scored([(label, [0.1] * 10) for label in range(10)])
    assert (found.right, found.second) == (1, 1)


def test_a_label_that_was_impossible_costs_a_finite_loss() -> None:
    """As scikit-learn does, a probability below 2.2e-16 counts as that."""
    sure = [0.0] * 10
    sure[3] = 1.0
    found = proper_scores(scored([(5, sure), (3, sure)]))
    assert found is not None
    assert found.log_loss is not None
    expected = log_loss([5, 3], np.array([sure, sure]), labels=range(10))
    assert found.log_loss.value == pytest.approx(expected, rel=1e-9)


def test_no_image_has_no_figure_and_one_has_no_mean() -> None:
    """A spread is known from two images on; a share of one image has an interval."""
    assert proper_scores(Scores()) is None
    top_2 = wilson(1, 1)
    assert top_2 is not None
    assert proper_scores(scored(records(*made(1)))) == ProperScores(None, None, top_2)
