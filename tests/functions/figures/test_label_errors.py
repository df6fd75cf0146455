"""Labels that are probably wrong, against confident learning written with numpy."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from batch_prediction.figures import label_errors
from batch_prediction.figures.label_errors import LabelErrors, Suspect

Batch = tuple[NDArray[np.int64], NDArray[np.float64]]


def batch(seed: int, images: int, flipped: float, spread: float) -> Batch:
    """Labels, some of them another than the image's, and a model's probabilities."""
    chance = np.random.default_rng(seed)
    truth = chance.integers(0, 10, images)
    logits = chance.normal(0, spread, (images, 10))
    logits[np.arange(images), truth] += 6
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    wrong = chance.random(images) < flipped
    return np.where(wrong, (truth + chance.integers(1, 10, images)) % 10, truth), shares


def counted(labels: Sequence[int] | NDArray[np.int64], shares: NDArray[np.float64]) -> LabelErrors:
    """All images of a batch, named by their number."""
    found, given_labels = LabelErrors(), [int(label) for label in labels]
    for number, (label, row) in enumerate(zip(given_labels, shares.tolist(), strict=True)):
        found.add([(label, row)], [(str(number), label, row)] if np.argmax(row) != label else [])
    return found


def by_the_paper(labels: NDArray[np.int64], shares: NDArray[np.float64]) -> dict[int, int]:
    """The images off the confident joint's diagonal, each with its column; equation 1 and section 3.2.

    No threshold is above 0.9, and images that the model reads as labelled are left out, as the authors'
    program does.
    """
    thresholds = np.array(
        [shares[labels == each, each].mean() if (labels == each).any() else np.inf for each in range(10)]
    )
    thresholds = np.where(thresholds < np.inf, np.minimum(thresholds, 0.9), np.inf)
    reached = np.where(shares >= thresholds, shares, -1)
    column = reached.argmax(1)
    off = (reached.max(1) >= 0) & (column != labels) & (shares.argmax(1) != labels)
    return {int(number): int(column[number]) for number in np.flatnonzero(off)}


@given(st.integers(0, 2**32), st.integers(1, 300), st.floats(0, 0.5), st.floats(0.1, 4))
def test_suspects_are_those_of_the_paper(seed: int, images: int, flipped: float, spread: float) -> None:
    """Of good and bad models, few and many wrong labels, and labels that no image has."""
    labels, shares = batch(seed, images, flipped, spread)
    found = counted(labels, shares)
    assert {int(each.image): each.suggested for each in found.suspects()} == by_the_paper(labels, shares)
    assert found.complete
    probabilities = [each.label_probability for each in found.suspects()]
    assert probabilities == sorted(probabilities)


def test_wrong_labels_are_found_and_right_ones_are_not() -> None:
    """Of 2,000 images with some 40 wrong labels, by a model that is always right but not always sure."""
    labels, shares = batch(1, 2_000, 0.02, 0.8)
    wrong = {str(number) for number in np.flatnonzero(labels != shares.argmax(1))}
    assert len(wrong) > 30
    found = {each.image for each in counted(labels, shares).suspects()}
    assert found < wrong
    assert len(found) > len(wrong) / 2


def test_a_suspect_says_what_is_likelier() -> None:
    """Seven images labelled 7, one of which is a confident 1."""
    shares = np.full((8, 10), 0.01)
    shares[:7, 7] = shares[7, 1] = 0.91
    labels = [7] * 6 + [1] + [7]
    shares[6] = np.roll(shares[7], 0)
    (suspect,) = counted(labels, shares).suspects()
    assert suspect == Suspect("7", 7, 1, 0.01, 0.91)


def test_of_too_many_misread_images_those_with_the_least_probable_labels_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of equals the first; the thresholds are of all images, and the report can say that some are missing."""
    monkeypatch.setattr(label_errors, "MAX_DOUBTS", 3)
    found = LabelErrors()
    for number, probability in enumerate([0.02, 0.01, 0.03, 0.02, 0.02]):
        shares = [probability] + [0.0] * 8 + [1 - probability]
        found.add([(0, shares)], [(f"{number}", 0, shares)])
        assert found.complete is (number < 3)
    found.add([(9, [0.1] + [0.0] * 8 + [0.9])], [])
    assert [each.image for each in found.suspects()] == ["1", "0", "3"]


def test_a_model_that_is_nearly_always_sure_has_suspects_too() -> None:
    """With a mean of 0.998 for every label, 0.95 for another one is suspicious; 0.89 isn't."""
    shares = np.full((200, 10), 0.0002)
    shares[np.arange(200), np.arange(200) % 10] = 0.9982
    labels = np.arange(200) % 10
    for number, sure in ((7, 0.95), (8, 0.89)):
        shares[number] = (1 - sure) / 9
        shares[number, 0] = sure
    found = counted(labels, shares)
    assert [each.image for each in found.suspects()] == ["7"]
    assert found.suspects(highest=1.0) == []


def test_no_images_have_no_suspects() -> None:
    """An empty batch, too."""
    assert LabelErrors().suspects() == []
