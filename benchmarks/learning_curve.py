"""Draw docs/learning-curve.png: validation accuracy after each epoch of `small` and `base`, over seeds.

Reads MNIST from the folder MNIST_DIR. Trains on 50,000 of its training images and measures on the other
10,000, as train.py splits them; the test set isn't used.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from benchmarks import mnist, training_runs
from benchmarks.measuring import ROOT
from training.container.data import split

DRAWN = ("small", "base")


def accuracies(images: mnist.Mnist, arch: str, seed: int) -> list[float]:
    """The validation accuracy (0–1) after each epoch of one training."""
    positions, held_out = split(len(images.labels))
    pixels, labels = images.images[held_out], images.labels[held_out]
    found: list[float] = []

    def measure(network: nn.Module) -> None:
        found.append(training_runs.accuracy(network, pixels, labels))

    training_runs.fit(images, training_runs.options_of(arch, seed), positions, measure)
    return found


def draw(curves: dict[str, list[list[float]]], file: Path) -> None:
    """Plot each network's mean, and the range over its seeds, in percent by epoch."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for arch, runs in curves.items():
        percent = 100 * np.array(runs)
        epochs = np.arange(1, percent.shape[1] + 1)
        axes.fill_between(epochs, percent.min(0), percent.max(0), alpha=0.2)
        axes.plot(epochs, percent.mean(0), marker="o", label=f"{arch}, {len(runs)} seeds")
    axes.set(xlabel="epoch", ylabel="validation accuracy, %", ylim=(96, 99.8))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(file, dpi=120)


def main(argv: Sequence[str] | None = None) -> int:
    """Train, draw, print; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=training_runs.seeds, default=range(3), help="how many (3)")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "learning-curve.png")
    given = parser.parse_args(argv)
    torch.set_num_threads(1)
    images = mnist.load()
    curves = {arch: [accuracies(images, arch, seed) for seed in given.seeds] for arch in DRAWN}
    draw(curves, given.out)
    for arch, runs in curves.items():
        for number, values in enumerate(zip(*runs, strict=True), 1):
            print(f"{arch}, epoch {number}: {training_runs.spread(values)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
