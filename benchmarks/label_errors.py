"""How many wrong labels the report's suspects are, on real MNIST: published ones, and ones flipped at random.

Reads MNIST from the folder MNIST_DIR; trains as benchmarks/accuracy_without_labels.py does, and shares its
trainings below out/. With --role develop labels of training images are flipped: by these the order and the
highest threshold were chosen. With --role test labels of the test set are, in which people disagree with 15
given ones, too.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from statistics import fmean

import numpy as np
import torch
from numpy.typing import NDArray

from batch_prediction.figures.label_errors import HIGHEST_THRESHOLD, LabelErrors, Suspect
from benchmarks import held_out_trainings, mnist
from benchmarks.held_out_trainings import Role
from benchmarks.measuring import ROOT

sys.path.insert(
    0, str(ROOT / "training" / "container")
)  # the container's files import each other by these names
import calibration
import train
from probabilities import probabilities

# Test images of which most of five people didn't choose the given label: Northcutt, Athalye and Mueller 2021,
# Pervasive Label Errors (https://arxiv.org/abs/2103.14749; https://github.com/cleanlab/label-errors).
NO_MAJORITY = frozenset(
    (947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729)
)
FIRST = (15, 30, 60)
FLIPPED = (0.01, 0.02, 0.05)
HIGHEST = (1.0, 0.95, HIGHEST_THRESHOLD, 0.8)
ORDERS: dict[str, Callable[[Suspect], float]] = {
    "probability of the label": lambda suspect: suspect.label_probability,
    "margin": lambda suspect: suspect.label_probability - suspect.suggested_probability,
    "probability of the suggestion": lambda suspect: -suspect.suggested_probability,
}
Labels = NDArray[np.int64]
Shares = NDArray[np.float64]


def calibrated(data: mnist.Mnist, arch: str, seed: int, role: Role) -> tuple[Labels, Shares]:
    """The labels of images that nobody trained on, and the final model's probabilities for them."""
    pair = held_out_trainings.pair(data, arch, seed, role)
    held_out = train.compute_logits(pair.trial, torch.from_numpy(pair.held_out.pixels))
    temperature = calibration.fit_temperature(held_out, torch.from_numpy(pair.held_out.labels).long())
    logits = train.compute_logits(pair.final, torch.from_numpy(pair.fresh.pixels))
    return pair.fresh.labels.astype(np.int64), probabilities(logits / temperature)


def suspects(labels: Labels, shares: Shares, highest: float) -> list[Suspect]:
    """The suspects of a batch whose images are named by their numbers."""
    found = LabelErrors()
    rows = shares.tolist()
    misread = np.flatnonzero(shares.argmax(1) != labels).tolist()
    found.add(
        zip(labels.tolist(), rows, strict=True),
        [(str(number), int(labels[number]), rows[number]) for number in misread],
    )
    return found.suspects(highest)


def flip(labels: Labels, share: float, chance: np.random.Generator) -> tuple[Labels, frozenset[int]]:
    """Labels of which a share is another one at random, and the numbers of those."""
    wrong = chance.choice(len(labels), round(share * len(labels)), replace=False)
    flipped = labels.copy()
    flipped[wrong] = (labels[wrong] + chance.integers(1, 10, len(wrong))) % 10
    return flipped, frozenset(wrong.tolist())


def numbers(ordered: Sequence[Suspect]) -> list[int]:
    """The numbers of their images."""
    return [int(suspect.image) for suspect in ordered]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--arch", default="small", choices=("small", "base"), help="network (%(default)s)")
    add("--seeds", type=int, nargs="+", default=[0, 2], help="of the trainings (%(default)s)")
    add("--role", default="test", choices=("develop", "test"), help="which images (%(default)s)")
    add("--draws", type=int, default=20, help="of flipped labels, for each seed and share (%(default)s)")
    given = parser.parse_args(argv)
    data = mnist.load()
    read = [calibrated(data, given.arch, seed, given.role) for seed in given.seeds]
    for highest in HIGHEST:
        print(f"\nno threshold above {highest:g}")
        if given.role == "test":
            for labels, shares in read:
                print(_published(labels, shares, highest))
        for share in FLIPPED:
            print(_flipped(read, share, given.draws, highest))
    return 0


def _published(labels: Labels, shares: Shares, highest: float) -> str:
    """How many of the published labels are among the first suspects."""
    found = numbers(suspects(labels, shares, highest))
    hits = [f"{len(NO_MAJORITY & set(found[:first]))} of the first {first}" for first in FIRST]
    misread = int((shares.argmax(1) != labels).sum())
    return f"  of 15 published, {', '.join(hits)}; {len(found)} suspects, {misread} images misread"


def _flipped(read: Sequence[tuple[Labels, Shares]], share: float, draws: int, highest: float) -> str:
    """Precision and recall, and what is right of as many first suspects as labels are wrong, by order."""
    chance = np.random.default_rng(round(1000 * share))
    precision, recall = [], []
    ordered: dict[str, list[float]] = {name: [] for name in ORDERS}
    for labels, shares in read:
        for _ in range(draws):
            flipped, wrong = flip(labels, share, chance)
            found = suspects(flipped, shares, highest)
            hits = len(wrong.intersection(numbers(found)))
            precision.append(hits / len(found))
            recall.append(hits / len(wrong))
            for name, order in ORDERS.items():
                first = numbers(sorted(found, key=order))[: len(wrong)]
                ordered[name].append(len(wrong.intersection(first)) / len(wrong))
    orders = ", ".join(f"{name} {fmean(values):.1%}" for name, values in ordered.items())
    return (
        f"  {share:.0%} flipped: precision {fmean(precision):.1%}, recall {fmean(recall):.1%}; "
        f"of as many first ones by {orders}"
    )


if __name__ == "__main__":
    sys.exit(main())
