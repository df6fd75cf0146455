"""Ways to estimate a batch's accuracy without labels, in NumPy, to compare with what the report does.

All of them know a reference, answers about held-out images with labels, and see of a batch the answers alone.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from batch_prediction.figures.doubts import BINS, Doubts
from benchmarks.measuring import ROOT
from training.container.data import Bytes

sys.path.insert(
    0, str(ROOT / "training" / "container")
)  # the container's files import each other by these names
import reference

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """Of N images: predictions, doubts, entropies in nats, bins of doubt, properties (N, 4), mistakes."""

    predictions: NDArray[np.int64]
    doubts: Floats
    entropies: Floats
    bins: NDArray[np.int64]
    properties: Floats
    wrong: NDArray[np.bool_]

    @classmethod
    def of(cls, logits: torch.Tensor, pixels: Bytes, labels: Bytes) -> "Answers":
        """The answers that calibrated logits (N, 10) give about images with labels."""
        doubts, predictions = reference.doubts(logits)
        shares = logits.double().log_softmax(1)
        bins = (-reference.PER_POWER * doubts.log10()).clamp(0, BINS - 1).long()
        return cls(
            predictions.numpy(),
            doubts.numpy(),
            -(shares.exp() * shares).sum(1).numpy(),
            bins.numpy(),
            properties(pixels),
            predictions.numpy() != labels,
        )

    def __getitem__(self, at: NDArray[np.intp]) -> "Answers":
        return Answers(
            self.predictions[at],
            self.doubts[at],
            self.entropies[at],
            self.bins[at],
            self.properties[at],
            self.wrong[at],
        )

    def counted(self) -> Doubts:
        """What the report counts of them."""
        cells = np.bincount(self.predictions * BINS + self.bins, minlength=10 * BINS).reshape(10, BINS)
        sums, squares = (
            np.bincount(self.predictions, weights=values, minlength=10).tolist()
            for values in (self.doubts, self.doubts**2)
        )
        return Doubts(cells.tolist(), sums, squares)


def properties(pixels: Bytes) -> Floats:
    """Of each image: mean, share of ink, contrast (20th brightest pixel) and sharpness of edges, (N, 4)."""
    shares = pixels.astype(np.float32) / 255
    flat = shares.reshape(len(shares), -1)
    mean, ink = flat.mean(1), (flat > 0.25).mean(1)
    contrast = np.partition(flat, -20, axis=1)[:, -20]
    steps = np.abs(np.diff(shares, axis=2)).sum((1, 2)) + np.abs(np.diff(shares, axis=1)).sum((1, 2))
    found: Floats = np.stack([mean, ink, contrast, steps / np.maximum(flat.sum(1), 1e-3)], 1).astype(
        np.float64
    )
    return found


def methods(known: Answers) -> dict[str, Callable[[Answers], float]]:
    """The estimates of the share of mistakes, by the method's name."""
    error, doubt = known.wrong.mean(), known.doubts.mean()
    worst = round(error * len(known.wrong))
    confidence_bound, entropy_bound = (
        np.sort(known.doubts)[::-1][worst],
        np.sort(known.entropies)[::-1][worst],
    )
    images = np.bincount(known.bins, minlength=BINS)
    rates = np.bincount(known.bins, weights=known.wrong, minlength=BINS) / np.maximum(images, 1)
    falling = IsotonicRegression(increasing=False).fit(np.arange(BINS), rates, sample_weight=images + 1e-9)
    by_bin = falling.predict(np.arange(BINS))
    return {
        "mean confidence": lambda batch: float(batch.doubts.mean()),
        "difference of confidences": lambda batch: max(0.0, float(error + batch.doubts.mean() - doubt)),
        "ratio of doubts": lambda batch: float(error * batch.doubts.mean() / doubt),
        "thresholded confidence": lambda batch: float((batch.doubts > confidence_bound).mean()),
        "thresholded entropy": lambda batch: float((batch.entropies > entropy_bound).mean()),
        "histogram of confidences": lambda batch: float(by_bin[batch.bins].mean()),
        "reference's accuracy": lambda _: float(error),
    }


def property_distance(sorted_reference: Floats, batch: Answers) -> float:
    """The largest of the four properties' Kolmogorov–Smirnov statistics, as a multiple of √(1/n + 1/m)."""
    n, m, most = len(batch.wrong), len(sorted_reference), 0.0
    for column in range(sorted_reference.shape[1]):
        known, own = sorted_reference[:, column], np.sort(batch.properties[:, column])
        at = np.concatenate([known, own])
        gaps = np.searchsorted(known, at, "right") / m - np.searchsorted(own, at, "right") / n
        most = max(most, float(np.abs(gaps).max()))
    return most / float(np.sqrt(1 / n + 1 / m))
