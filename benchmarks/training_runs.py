"""Trainings of the container's code on MNIST: their time, and one measurement each on the test set."""

import statistics
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from benchmarks.measuring import ROOT
from benchmarks.mnist import Mnist
from training.container.data import Bytes

sys.path.insert(
    0, str(ROOT / "training" / "container")
)  # the container's files import each other by these names
import arguments
import checkpoints
import train
from images import MEAN, STD
from model import build, over_shifts
from ranks import Ranks

# Chosen on validation images: trained on 50,000 of the training images, measured on the other 10,000.
RECIPES: dict[str, list[str]] = {
    "small": ["--epochs", "6", "--augmentation", "0.8"],
    "base": ["--epochs", "12", "--learning-rate", "0.02", "--ema-decay", "0.998", "--shifts", "1"],
    "large": ["--epochs", "30", "--batch-size", "512", "--learning-rate", "0.02"],
}


@dataclass(frozen=True)
class Trained:
    """A finished model, shifts included, and the seconds of its training: CPU and wall-clock time."""

    network: nn.Module
    images: int
    cpu_seconds: float
    wall_seconds: float


def options_of(arch: str, seed: int, *others: str) -> Namespace:
    """train.py's options for a recipe with a seed."""
    given = [*RECIPES[arch], "--arch", arch, "--seed", str(seed), *others]
    return arguments.parse(["--training", "", "--model-dir", "", *given])


def fit(
    mnist: Mnist,
    options: Namespace,
    positions: Any = slice(None),
    after_epoch: Callable[[nn.Module], object] | None = None,
) -> Trained:
    """Train like train.py, on the images at `positions`, on the GPU if there is one.

    `after_epoch` is called with the network after each epoch, and may measure it.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(options.seed)
    images = torch.from_numpy(mnist.images[positions]).to(device)
    labels = torch.from_numpy(mnist.labels[positions]).to(device).long()
    network, ranks = build(options.arch, options.dropout).to(device), Ranks(1, 0, device)
    options.checkpoint_dir = None
    no_checkpoints = checkpoints.Checkpoints(options, images, labels, ranks)

    def watch(_epoch: int) -> None:
        if after_epoch:
            after_epoch(network)
            network.train()

    cpu, wall = time.process_time(), time.perf_counter()
    train.fit(network, images, labels, options, ranks, no_checkpoints, watch)
    seen = len(images) // options.batch_size * options.batch_size * options.epochs
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Trained(averaged(network, options.shifts), round(seen), cpu, wall)


def averaged(network: nn.Module, pixels: int) -> nn.Module:
    """The network averaged over shifts by `pixels`, like the artifact's; with 0 the network itself."""
    return over_shifts(network, pixels, MEAN, STD)


def accuracy(network: nn.Module, pixels: Bytes, labels: Bytes) -> float:
    """The network's accuracy (0–1) on uint8 images (N, 28, 28) with labels (N,)."""
    device = next(network.parameters()).device
    logits = train.compute_logits(network, torch.from_numpy(pixels).to(device))
    return train.accuracy(logits, torch.from_numpy(labels).to(device))


def test_accuracy(network: nn.Module, mnist: Mnist) -> float:
    """The one measurement of a finished model on the test set (0–1)."""
    return accuracy(network, mnist.test_images, mnist.test_labels)


def ensemble_accuracy(networks: Sequence[nn.Module], mnist: Mnist) -> float:
    """The test accuracy (0–1) of the summed probabilities of several networks, each averaged over shifts."""
    device = next(networks[0].parameters()).device
    pixels = torch.from_numpy(mnist.test_images).to(device)
    probabilities = [train.compute_logits(averaged(network, 1), pixels).softmax(1) for network in networks]
    return train.accuracy(torch.stack(probabilities).sum(0), torch.from_numpy(mnist.test_labels).to(device))


def spread(values: Iterable[float]) -> str:
    """Percentages as mean ± standard deviation, and each single one."""
    hundredths = [100 * value for value in values]
    deviation = statistics.stdev(hundredths) if len(hundredths) > 1 else 0.0
    each = " ".join(f"{value:.2f}" for value in hundredths)
    return f"{statistics.mean(hundredths):.3f} ± {deviation:.3f} % ({each})"


def seeds(text: str) -> Sequence[int]:
    """How many seeds, counted from 0."""
    return range(int(text))
