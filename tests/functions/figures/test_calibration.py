"""Calibration, from counts of confidences."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from batch_prediction.figures.calibration import BINS, calibration
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
