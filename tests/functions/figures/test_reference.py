"""reference.json, as the training program writes it, and refused where it isn't one."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

import reference as container
from batch_prediction.figures import reference
from batch_prediction.figures.doubts import BINS, Doubts


def logits(count: int = 500) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and labels that they are right about in most cases."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(count) % 10
    drawn = torch.randn(count, 10, generator=generator).double()
    drawn[torch.arange(count), labels] += 6
    return drawn, labels


def test_what_the_training_program_writes_is_read_as_the_batch_would_be() -> None:
    """Through JSON, its counts are those of the answers that the container gives for the same logits."""
    drawn, labels = logits()
    read = reference.read(
        json.loads(json.dumps(container.build(drawn, labels, torch.cat([labels, labels[:100]]))))
    )
    confidences, predictions = drawn.softmax(1).max(1)
    expected = Doubts()
    expected.add(list(zip(predictions.tolist(), confidences.tolist(), strict=True)))
    assert read.doubts.bins == expected.bins
    assert read.doubts.sums == pytest.approx(expected.sums)
    assert read.doubts.squares == pytest.approx(expected.squares)
    assert read.right == int((predictions == labels).sum())
    assert read.images == 500
    assert sum(read.labels) == 600
    assert read.labels[3] == int((labels == 3).sum() + (labels[:100] == 3).sum())
    assert read.label_shares == pytest.approx([images / 600 for images in read.labels])
    assert read.error == pytest.approx(1 - read.right / 500)


def test_both_sides_know_the_same_form() -> None:
    """The schema and the bins are written down once on each side of the wall between them."""
    assert (container.SCHEMA, container.BINS) == (reference.SCHEMA, BINS)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(schema="digit-batch/reference/9"),
        lambda content: content.update(images=499),
        lambda content: content.update(right=501),
        lambda content: content.update(right=1.5),
        lambda content: content.pop("labels"),
        lambda content: content["labels"].pop(),
        lambda content: content.update(labels=[0] * 10),
        lambda content: content.pop("predictions"),
        lambda content: content["predictions"].pop(),
        lambda content: content["predictions"][3]["bins"].pop(),
        lambda content: content["predictions"][3].update(doubt=-1.0),
        lambda content: content["predictions"][3].update(doubt_squared=float("nan")),
        lambda content: content["predictions"][3].update(bins="0123456789012345"),
    ],
)
def test_another_content_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    """A version that isn't known, a missing field and contradicting counts are named, and nothing is read."""
    content = copy.deepcopy(container.build(*logits(), logits()[1]))
    change(content)
    with pytest.raises(ValueError, match=r"reference\.json: expected"):
        reference.read(content)


@pytest.mark.parametrize("content", [None, [], "text", 5])
def test_what_is_no_object_is_refused(content: object) -> None:
    """Any JSON that isn't an object is refused in the same way."""
    with pytest.raises(ValueError, match=r"reference\.json: expected"):
        reference.read(content)
