"""Calibration, from counts of confidences."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn.calibration import calibration_curve

from batch_prediction.figures.calibration import BINS, calibration, mean_absolute_deviation
from calibration import BINS as BINS_OF_TRAINING
from calibration import expected_calibration_error

CONFIDENCES = st.lists(st.tuples(st.integers(0, 10_000), st.booleans()), min_size=1, max_size=200)


def counted(images: list[tuple[int, bool]]) -> tuple[Counter[int], Counter[int]]:
    """Confidences in ten-thousandths of the right images, and of the wrong ones."""
    return Counter(c for c, right in images if right), Counter(c for c, right in images if not right)


@given(CONFIDENCES)
def test_the_diagram_is_scikit_learn_s(images: list[tuple[int, bool]]) -> None:
    """Each bin has the mean confidence and the share of right images that calibration_curve finds there."""
    # scikit-learn's bins are closed on the left, ours on the right: no confidence lies on an edge here
    images = [
        (ten_thousandths, right) for ten_thousandths, right in images if ten_thousandths * BINS % 10_000
    ] or [(1, True)]
    found = calibration(*counted(images))
    assert found
    shares, means = calibration_curve(
        [right for _, right in images],
        [ten_thousandths / 10_000 for ten_thousandths, _ in images],
        n_bins=BINS,
    )
    used = [each for each in found.bins if each.images]
    assert sum(each.images for each in used) == len(images)
    assert [each.accuracy for each in used] == pytest.approx(shares.tolist())
    assert [each.confidence for each in used] == pytest.approx(means.tolist())


@given(st.lists(st.tuples(st.integers(5_001, 9_999), st.booleans()), min_size=1, max_size=200))
def test_the_expected_error_is_training_s(images: list[tuple[int, bool]]) -> None:
    """The report and the training job measure the same thing, over the same bins."""
    assert BINS == BINS_OF_TRAINING
    images = [
        (ten_thousandths, right) for ten_thousandths, right in images if ten_thousandths * BINS % 10_000
    ] or [(9_999, True)]
    confidences = np.array([ten_thousandths / 10_000 for ten_thousandths, _ in images])
    logits = torch.tensor(np.log(np.stack([confidences, 1 - confidences], axis=1)))
    labels = torch.tensor([0 if right else 1 for _, right in images])
    found = calibration(*counted(images))
    assert found
    assert found.expected_error == pytest.approx(float(expected_calibration_error(logits, labels)), abs=1e-6)


def test_edges_belong_to_the_bin_below_them() -> None:
    """A confidence of 1 is in the last bin, one of 0 in the first."""
    found = calibration({10_000: 3}, {0: 2})
    assert found
    assert [each.images for each in found.bins] == [2, *[0] * (BINS - 2), 3]
    assert found.expected_error == 0


def test_no_labelled_image_has_no_calibration() -> None:
    """Without a labelled image there is no figure, and no error."""
    assert calibration({}, {}) is None


def test_the_bins_share_the_range_evenly() -> None:
    """Fifteen of equal width from 0 to 1, each beginning where the one before ends."""
    found = calibration({5_000: 1}, {})
    assert found
    edges = [number / 15 for number in range(16)]
    assert [(each.low, each.high) for each in found.bins] == list(pairwise(edges))


@pytest.mark.parametrize("edge", [3, 6, 9, 12])
def test_a_confidence_on_an_inner_edge_is_below_it_and_the_next_one_above(edge: int) -> None:
    """2,000 ten-thousandths are exactly 3 of 15 bins: the third holds them, the fourth holds 2,001."""
    at = edge * 10_000 // BINS
    found = calibration({at - 1: 1, at: 2}, {at + 1: 4})
    assert found
    assert {number: each.images for number, each in enumerate(found.bins) if each.images} == {
        edge - 1: 3,
        edge: 4,
    }
    below, above = found.bins[edge - 1], found.bins[edge]
    assert (below.accuracy, above.accuracy) == (1.0, 0.0)
    assert below.confidence is not None
    assert above.confidence is not None
    assert below.confidence <= below.high < above.confidence


def test_the_error_weighs_each_bin_by_its_images() -> None:
    """Three images that are sure and right, one that is sure and wrong: the gaps, not their sum, count."""
    found = calibration({10_000: 2, 5_000: 1}, {10_000: 1})
    assert found
    assert found.expected_error == pytest.approx((3 * (1 - 2 / 3) + 1 * 0.5) / 4)


def test_a_bin_without_images_has_neither_mean() -> None:
    """An image that is half sure and wrong is half an error; the fourteen other bins have none."""
    found = calibration({}, {5_000: 1})
    assert found
    assert [(each.confidence, each.accuracy) for each in found.bins if not each.images] == [(None, None)] * 14
    (used,) = (each for each in found.bins if each.images)
    assert (used.confidence, used.accuracy, found.expected_error) == (0.5, 0.0, 0.5)


@given(st.integers(1, 3_000), st.floats(1e-6, 1 - 1e-6))
def test_the_deviation_left_by_chance_is_scipy_s(images: int, share: float) -> None:
    """De Moivre's sum is the binomial distribution's mean distance from its mean."""
    counts = np.arange(images + 1)
    expected = (abs(counts - images * share) * binom.pmf(counts, images, share)).sum()
    assert mean_absolute_deviation(images, share) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def batch(generator: np.random.Generator, images: int, bias: float) -> tuple[Counter[int], Counter[int]]:
    """Images with confidences near 1; their logits are `bias` too large, and 0 is calibrated."""
    logits = np.maximum(generator.gumbel(5.5, 1.8, images), -1)
    confidences = np.round(10_000 / (1 + np.exp(-logits))).astype(int)
    right = generator.random(images) < 1 / (1 + np.exp(bias - (logits * 0.8 if bias else logits)))
    return Counter(confidences[right].tolist()), Counter(confidences[~right].tolist())


@pytest.mark.parametrize("images", [200, 1_000, 10_000])
@pytest.mark.parametrize("bias", [0, 0.3])
def test_the_interval_holds_the_error_of_all_images_as_often_as_it_says(images: int, bias: float) -> None:
    """In 100 batches, the error that a million images of the kind show is within it in 92 at least."""
    generator = np.random.default_rng(0)
    everything = calibration(*batch(generator, 1_000_000, bias))
    assert everything
    truth = everything.expected_error if bias else 0
    held = 0
    for _ in range(100):
        found = calibration(*batch(generator, images, bias))
        assert found
        held += found.low <= truth <= found.high
    assert held >= 92


def test_chance_leaves_the_error_that_is_stated() -> None:
    """Batches of calibrated confidences show on average what each says of them."""
    generator = np.random.default_rng(1)
    found = [calibration(*batch(generator, 1_000, 0)) for _ in range(100)]
    errors = [each.expected_error for each in found if each]
    assert np.mean(errors) == pytest.approx(np.mean([each.if_calibrated for each in found if each]), rel=0.1)


def test_the_same_batch_has_the_same_interval() -> None:
    """A report that is written again has the same bytes; and the error lies within."""
    counts = batch(np.random.default_rng(2), 500, 0.3)
    first, second = calibration(*counts), calibration(*counts)
    assert first == second
    assert first
    assert 0 <= first.low <= first.expected_error <= first.high <= 1


def test_a_batch_without_a_mistake_may_have_an_error() -> None:
    """Ten sure and right images show no error, yet the interval doesn't end there."""
    found = calibration({10_000: 10}, {})
    assert found
    assert (found.expected_error, found.low, found.if_calibrated) == (0, 0, 0)
    assert found.high > 0.05
