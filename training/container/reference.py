"""reference.json: what a model says of images that it wasn't trained on, for comparison with later batches.

    schema        "digit-batch/reference/1"
    images        held-out images
    right         how many of them were read right
    labels        for each of the ten labels, how many of the training images have it
    predictions   for each of the ten labels, of the images that were read as that label:
        bins           images by doubt, 1 - confidence: above 10^-0.5, above 10^-1, … and all below 10^-7.5
        doubt          the sum of their doubts
        doubt_squared  the sum of the squares

functions/batch_prediction/figures/reference.py reads it.
"""

from typing import Any

import torch

from model import LABELS

SCHEMA = "digit-batch/reference/1"
BINS = 16
PER_POWER = 2  # bins of a power of ten


def build(logits: torch.Tensor, labels: torch.Tensor, all_labels: torch.Tensor) -> dict[str, Any]:
    """Make reference.json's content of calibrated logits (N, 10) of held-out images with labels (N,).

    `all_labels` are those of all training images, on which a final model is trained.

    Doubts are computed from the other labels' shares, in double precision: in single precision all below
    6e-8 would be 0.
    """
    found, predictions = doubts(logits)
    bins = (-PER_POWER * found.log10()).clamp(0, BINS - 1).long()  # a doubt of 0 has an infinite logarithm
    cells = torch.bincount(predictions * BINS + bins, minlength=len(LABELS) * BINS).view(-1, BINS)
    sums, squares = (
        torch.zeros(len(LABELS), dtype=torch.double, device=logits.device).index_add_(0, predictions, values)
        for values in (found, found.square())
    )
    return {
        "schema": SCHEMA,
        "images": len(labels),
        "right": int((predictions == labels).sum()),
        "labels": torch.bincount(all_labels.long(), minlength=len(LABELS)).tolist(),
        "predictions": [
            {"bins": counts, "doubt": doubt, "doubt_squared": squared}
            for counts, doubt, squared in zip(cells.tolist(), sums.tolist(), squares.tolist(), strict=True)
        ],
    }


def doubts(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what each confidence lacks to 1, double (N,), and the predictions (N,), of logits (N, 10)."""
    shares = logits.double().log_softmax(1)
    predictions = shares.argmax(1)
    others = shares.scatter(1, predictions.unsqueeze(1), -torch.inf)
    return others.logsumexp(1).exp(), predictions
