"""reference.json's content: doubts in double precision, against NumPy."""

import json

import numpy as np
import pytest
import torch

import reference


def test_doubts_are_what_confidences_lack_to_one() -> None:
    """Where double precision can tell, a doubt is one minus the largest share of the softmax."""
    logits = torch.randn(200, 10, generator=torch.Generator().manual_seed(0)) * 4
    found, predictions = reference.doubts(logits)
    shares = logits.double().softmax(1).numpy()
    assert found.numpy() == pytest.approx(1 - shares.max(1))
    assert predictions.tolist() == shares.argmax(1).tolist()


def test_the_smallest_doubts_are_not_rounded_to_nothing() -> None:
    """A logit 60 above the nine others leaves 9 exp(-60), far below what a confidence can show."""
    logits = torch.zeros(1, 10)
    logits[0, 4] = 60
    assert reference.doubts(logits)[0].item() == pytest.approx(9 * np.exp(-60))


def test_every_image_is_in_the_bin_of_its_doubt_and_prediction() -> None:
    """The bins are NumPy's histogram of logarithms for each prediction, doubts of 0 in the last one."""
    logits = torch.randn(3_000, 10, generator=torch.Generator().manual_seed(2)) * 6
    logits[0, 0] = 1e6
    labels = torch.randint(10, (3_000,), generator=torch.Generator().manual_seed(3))
    content = reference.build(logits, labels, labels[:1_000])
    found, predictions = (values.numpy() for values in reference.doubts(logits))
    for label, row in enumerate(content["predictions"]):
        own = found[predictions == label]
        powers = -np.log10(np.maximum(own, 1e-8))
        expected, _ = np.histogram(powers, np.append(np.arange(reference.BINS) / 2, np.inf))
        assert row["bins"] == expected.tolist()
        assert row["doubt"] == pytest.approx(own.sum())
        assert row["doubt_squared"] == pytest.approx((own**2).sum())
    assert content["right"] == (predictions == labels.numpy()).sum()
    assert content["images"] == 3_000
    assert content["labels"] == np.bincount(labels[:1_000].numpy(), minlength=10).tolist()


def test_the_content_is_small_json() -> None:
    """Of ten thousand images there are some hundred numbers, without NaN."""
    logits = torch.randn(10_000, 10, generator=torch.Generator().manual_seed(4))
    labels = torch.zeros(10_000, dtype=torch.long)
    content = reference.build(logits, labels, labels)
    assert content["labels"] == [10_000] + [0] * 9
    text = json.dumps(content, allow_nan=False)
    assert len(text) < 5_000
