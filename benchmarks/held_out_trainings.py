"""Pairs of trainings as `digits tune` makes them, kept below out/: a trial and its final model.

The trial is trained without its held-out images, which give the temperature and the reference; the final
model is trained on these, too, and is what serves. In the role `develop` everything happens within MNIST's
training images, and 10,000 more of them are what neither has seen; in the role `test` that is the test set.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks import training_runs  # makes the container's files importable
from benchmarks.measuring import ROOT
from benchmarks.mnist import Mnist
from model import build
from training.container.data import Bytes, split

Role = Literal["develop", "test"]
Logits = NDArray[np.float32]
CACHE = ROOT / "out" / "held-out-trainings"
_DEVELOP_SEED = 16  # of the split that takes 10,000 images from the 50,000 of train.py's own


@dataclass(frozen=True)
class Images:
    """Pixels, uint8 (N, 28, 28), with labels (N,)."""

    pixels: Bytes
    labels: Bytes


@dataclass(frozen=True)
class Pair:
    """The two networks, each averaged over its recipe's shifts, and the images they are measured on."""

    trial: nn.Module
    final: nn.Module
    held_out: Images  # neither seen by the trial nor by the choice of anything
    fresh: Images  # seen by neither network


def positions(role: Role) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Positions among the 60,000 training images: the trial's, the held-out ones, and the fresh ones.

    Those of `test` are train.py's own split, and no fresh ones. Those of `develop` divide the former's images
    to train on into 40,000 and 10,000, whose fresh images are train.py's held-out ones.
    """
    trained, held_out = split(60_000)
    if role == "test":
        return trained, held_out, held_out[:0]
    order = np.random.RandomState(_DEVELOP_SEED).permutation(trained)
    return np.sort(order[10_000:]), np.sort(order[:10_000]), held_out


def pair(mnist: Mnist, arch: str, seed: int, role: Role, *options: str) -> Pair:
    """Train, or read what was trained before; prints what it waits for."""
    trained, held_out, fresh = positions(role)
    both = np.sort(np.concatenate([trained, held_out]))

    def images(at: NDArray[np.intp]) -> Images:
        return Images(mnist.images[at], mnist.labels[at])

    return Pair(
        trial=_network(mnist, arch, seed, f"{role}-trial", trained, *options),
        final=_network(mnist, arch, seed, f"{role}-final", both, *options),
        held_out=images(held_out),
        fresh=images(fresh) if role == "develop" else Images(mnist.test_images, mnist.test_labels),
    )


def _network(mnist: Mnist, arch: str, seed: int, name: str, at: NDArray[np.intp], *options: str) -> nn.Module:
    given = training_runs.options_of(arch, seed, *options)
    file = CACHE / f"{'-'.join([arch, str(seed), name, *(each.strip('-') for each in options)])}.pt"
    network = build(given.arch, given.dropout)
    averaged = training_runs.averaged(network, given.shifts)
    if not file.is_file():
        print(f"training {file.stem} on {len(at):,} images", flush=True)
        trained = training_runs.fit(mnist, given, at)
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.save(trained.network.state_dict(), file)
        print(f"trained {file.stem} in {trained.cpu_seconds:.0f} CPU seconds", flush=True)
    averaged.load_state_dict(torch.load(file, weights_only=True))
    return averaged.eval()
