"""The accuracy that is estimated without labels, against SciPy and against batches whose truth is drawn."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom

from batch_prediction.figures.doubts import Doubts
from batch_prediction.figures.estimate import estimate, quantiles
from tests.functions.figures.references import answers, doubts, reference


@given(st.integers(1, 3_000), st.floats(1e-5, 0.9999), st.floats(2, 5_000))
def test_quantiles_are_scipys(images: int, share: float, strength: float) -> None:
    """For any batch and any knowledge of its error rate they are SciPy's beta-binomial quantiles."""
    parameters = share * strength, (1 - share) * strength
    expected = betabinom(images, *parameters)
    for found, tail in zip(quantiles(images, *parameters), (0.025, 0.975), strict=True):
        assert expected.cdf(found) >= tail - 1e-9
        assert found == 0 or expected.cdf(found - 1) < tail + 1e-9


def test_the_estimate_is_the_mean_confidence() -> None:
    """Of a batch the mean of its confidences is the accuracy that is to be expected."""
    batch = answers(700, seed=3)
    found = estimate(doubts(batch), reference())
    assert found is not None
    assert found.value == pytest.approx(sum(confidence for _, confidence in batch) / len(batch))
    assert found.low < found.value < found.high


def test_the_interval_holds_the_truth_of_calibrated_batches() -> None:
    """Of 400 batches whose images are right as often as their confidences say, at least 95 % are within."""
    generator = random.Random(5)  # noqa: S311 (test data, not a secret)
    known, held = reference(), 0
    for seed in range(400):
        batch = answers(300, seed=1_000 + seed)
        found = estimate(doubts(batch), known)
        assert found is not None
        right = sum(generator.random() < confidence for _, confidence in batch) / len(batch)
        held += found.low - 1e-9 <= right <= found.high + 1e-9
    assert held >= 380


def test_a_larger_batch_has_a_narrower_interval_down_to_what_the_model_leaves_open() -> None:
    """The width shrinks with the images, but not below what a million of them can't tell of the model."""
    widths = []
    for repeats in (1, 10, 100, 10_000):
        batch = doubts(answers(100, seed=2))
        grown = Doubts(
            [[count * repeats for count in row] for row in batch.bins],
            [total * repeats for total in batch.sums],
            [total * repeats for total in batch.squares],
        )
        found = estimate(grown, reference())
        assert found is not None
        widths.append(found.high - found.low)
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] > 0.3 * doubts(answers(100, seed=2)).mean


@pytest.mark.parametrize("confidence", [1.0, 0.1])
def test_extreme_confidences_have_an_interval_within_bounds(confidence: float) -> None:
    """Neither no doubt at all nor the largest breaks the distribution or leaves 0 to 1."""
    found = estimate(doubts([(4, confidence)] * 50), reference())
    assert found is not None
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.value == pytest.approx(confidence, abs=1e-5)


def test_nothing_scored_has_no_estimate() -> None:
    """A batch without a single answer has no accuracy to estimate."""
    assert estimate(Doubts(), reference()) is None
