"""Ways to calibrate a model that trains on all images, compared on MNIST with several label smoothings.

Reads MNIST from the folder MNIST_DIR. By default the test set isn't touched: the model trains on 50,000 of
the training images, its trial on five sixths of these, and the other 10,000 take the test set's place. With
`--test` the trial trains on 50,000 images, the model on all 60,000, and the test set is measured. Each seed
draws its hyperparameters from the search's ranges. Logits are kept in `--cache`, so that an interrupted
comparison goes on where it was.
"""

import argparse
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from benchmarks import mnist, training_runs
from benchmarks.measuring import ROOT
from training.container.data import split

# the container's files, on the path since training_runs was imported
import calibration  # isort: skip
import train  # isort: skip
from images import augment, normalise  # isort: skip

EPOCHS = {"small": 6, "base": 9}
SMOOTHINGS = (0.0, 0.05, 0.1, 0.15)
FOLDS = 2
HELD_OUT = 6  # a trial holds out one image of so many
DRAWS = 100
AUGMENTED = 10_000  # training images whose augmented copies are read
HEADER = (
    "| way | calibration error, % | of it by chance | negative log-likelihood | Brier score | temperature |",
    "| --- | --- | --- | --- | --- | --- |",
)


@dataclass(frozen=True)
class Read:
    """A network's logits (N, 10) for images of the labels (N,)."""

    logits: torch.Tensor
    labels: torch.Tensor


@dataclass(frozen=True)
class Evidence:
    """What the ways may use, and what they are measured on: `measured`, which the model never saw."""

    measured: Read
    trial: Read  # the trial's held-out images
    trial_augmented: Read  # augmented copies of training images, by the trial and by the model
    model_augmented: Read
    folds: Read | None = None  # each image by the network of the fold that held it out


Positions = NDArray[np.int64]
Calibrated = tuple[torch.Tensor, float]  # logits and the temperature, nan where there is none


def none(evidence: Evidence) -> Calibrated:
    """The logits as they are."""
    return evidence.measured.logits, 1.0


def carried(evidence: Evidence) -> Calibrated:
    """Divided by the trial's temperature, as train.py fits it."""
    return _divided(evidence, calibration.calibrate(evidence.trial.logits, evidence.trial.labels)[0])


def cross_fitted(evidence: Evidence) -> Calibrated:
    """Divided by the temperature of the folds' held-out images together."""
    if evidence.folds is None:
        raise ValueError("cross-fitted: expected the logits of the folds, found none")
    return _divided(evidence, _temperature(evidence.folds))


def augmented(evidence: Evidence) -> Calibrated:
    """Divided by the temperature of augmented copies of the model's own training images."""
    return _divided(evidence, _temperature(evidence.model_augmented))


def adjusted(evidence: Evidence) -> Calibrated:
    """The trial's temperature times that of augmented copies by the model, divided by that by the trial."""
    ratio = _temperature(evidence.model_augmented) / _temperature(evidence.trial_augmented)
    return _divided(evidence, _temperature(evidence.trial) * ratio)


def vector(evidence: Evidence) -> Calibrated:
    """A factor and an offset for each class, fitted on the trial's held-out images (Guo et al. 2017, 4.2)."""
    logits, labels = evidence.trial.logits.double(), evidence.trial.labels
    parameters = torch.stack([torch.ones(10), torch.zeros(10)]).double().requires_grad_()
    optimizer = torch.optim.LBFGS([parameters], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = functional.cross_entropy(logits * parameters[0] + parameters[1], labels)
        loss.backward()
        return loss

    optimizer.step(closure)
    factor, offset = parameters.detach()
    return evidence.measured.logits * factor + offset, float("nan")


WAYS: Mapping[str, Callable[[Evidence], Calibrated]] = {
    "none": none,
    "carried": carried,
    "cross-fitted": cross_fitted,
    "augmented": augmented,
    "adjusted": adjusted,
    "vector": vector,
}


def figures(calibrated: Calibrated, labels: torch.Tensor) -> list[float]:
    """Calibration error over 15 bins and chance's in percent, nats, Brier score over classes, temperature."""
    logits, temperature = calibrated
    gaps = logits.double().softmax(1) - functional.one_hot(labels, 10)
    return [
        100 * calibration.expected_calibration_error(logits, labels),
        100 * chance(logits),
        calibration.negative_log_likelihood(logits, labels),
        gaps.square().sum(1).mean().item(),
        temperature,
    ]


def chance(logits: torch.Tensor) -> float:
    """The mean calibration error (0–1) of a perfectly calibrated model with these logits.

    It isn't 0: in each of 15 bins a finite number of images is right or wrong by chance. Labels are drawn
    from the probabilities, a hundred times.
    """
    generator, probabilities = torch.Generator().manual_seed(0), logits.softmax(1)
    drawings = [torch.multinomial(probabilities, 1, generator=generator).squeeze(1) for _ in range(DRAWS)]
    return sum(calibration.expected_calibration_error(logits, labels) for labels in drawings) / DRAWS


def drawn(arch: str, epochs: float, seed: int, smoothing: float) -> Namespace:
    """train.py's options with the seed's hyperparameters, drawn from the ranges of training/tune.py."""
    draw = np.random.default_rng(seed)
    chosen = {
        "learning-rate": np.exp(draw.uniform(np.log(2e-3), np.log(3e-2))),
        "weight-decay": np.exp(draw.uniform(np.log(1e-4), np.log(5e-2))),
        "augmentation": draw.uniform(0.5, 1.5),
        "dropout": draw.uniform(0.0, 0.3),
        "batch-size": draw.choice([128, 256, 512, 1024]),
        "label-smoothing": smoothing,
    }
    others = [text for name, value in chosen.items() for text in (f"--{name}", str(value))]
    return training_runs.options_of(
        arch, seed, "--epochs", str(epochs), "--ema-decay", "0", "--shifts", "0", *others
    )


class Comparison:
    """Trainings whose logits are kept in a folder, under names that say all that they depend on.

    The model of the choice is the trial of the measurement on the test set: both train on the same images.
    """

    def __init__(self, images: mnist.Mnist, cache: Path, test: bool) -> None:
        self.images, self.cache, self.test = images, cache, test
        self.positions: Positions
        self.measured: Positions | None
        self.positions, self.measured = split(len(images.labels))
        if test:
            self.positions, self.measured = np.arange(len(images.labels)), None

    def evidence(
        self, arch: str, epochs: float, seed: int, smoothing: float, ways: Sequence[str]
    ) -> Evidence:
        """Train what the ways need, unless it is kept."""
        options = drawn(arch, epochs, seed, smoothing)
        name, count = f"{arch}-{epochs:g}-{seed}-{smoothing}-of{len(self.positions)}", len(self.positions)
        training, held_out = split(count, count // HELD_OUT)
        trial = self._logits(f"{name}-{len(training)}", options, training, held_out)
        model = self._logits(f"{name}-{count}", options, np.arange(count), None)
        folds = None
        if "cross-fitted" in ways:
            each = np.arange(count) % FOLDS
            read = [
                self._logits(
                    f"{name}-fold{k}", options, np.flatnonzero(each != k), np.flatnonzero(each == k)
                )["measured"]
                for k in range(FOLDS)
            ]
            folds = Read(torch.cat([r.logits for r in read]), torch.cat([r.labels for r in read]))
        return Evidence(model["measured"], trial["measured"], trial["augmented"], model["augmented"], folds)

    def _logits(self, name: str, options: Namespace, training: Any, held_out: Any) -> dict[str, Read]:
        """The logits of `held_out` positions; None: of the images in the test's place.

        Positions count within `self.positions`.
        """
        whole = len(self.images.labels)
        part = len(split(whole)[0])
        shared = name.replace(f"of{whole}-{part}", f"of{part}-{part}")  # a trial here, the model there
        file = self.cache / f"{shared}.npz"
        if not file.is_file():
            trained = training_runs.fit(self.images, options, self.positions[training])
            pixels, labels = self._images(held_out)
            kept = {
                "measured": train.compute_logits(trained.network, torch.from_numpy(pixels)),
                "labels": labels,
            }
            some = self.positions[training][:AUGMENTED]
            kept["augmented"] = _augmented(trained.network, self.images.images[some], options)
            kept["augmented_labels"] = self.images.labels[some]
            arrays: dict[str, Any] = {key: np.asarray(value) for key, value in kept.items()}
            np.savez(file, **arrays)
            print(f"{file.stem}: {trained.cpu_seconds:.0f} s", file=sys.stderr, flush=True)
        with np.load(file) as kept:
            return {
                key: Read(torch.from_numpy(kept[key]), torch.from_numpy(kept[labels]).long())
                for key, labels in (("measured", "labels"), ("augmented", "augmented_labels"))
            }

    def _images(self, held_out: Any) -> tuple[Any, Any]:
        if held_out is not None:
            return self.images.images[self.positions[held_out]], self.images.labels[self.positions[held_out]]
        if self.measured is None:
            return self.images.test_images, self.images.test_labels
        return self.images.images[self.measured], self.images.labels[self.measured]


@torch.inference_mode()
def _augmented(network: nn.Module, pixels: Any, options: Namespace) -> torch.Tensor:
    torch.manual_seed(options.seed)
    network.eval()
    batches = torch.from_numpy(pixels).split(1000)
    return torch.cat([network(normalise(augment(batch, options.augmentation))) for batch in batches])


def _temperature(read: Read) -> float:
    return calibration.fit_temperature(read.logits, read.labels)


def _divided(evidence: Evidence, temperature: float) -> Calibrated:
    return evidence.measured.logits / temperature, temperature


def rows(found: Mapping[str, Sequence[Sequence[float]]]) -> list[str]:
    """A line of Markdown for each way: the mean of its figures, and the range of the calibration error."""
    lines = []
    for way, values in found.items():
        error, by_chance, nll, brier, temperature = np.mean(values, axis=0)
        errors = [each[0] for each in values]
        between = f"{error:.2f} ({min(errors):.2f} to {max(errors):.2f})"
        lines.append(f"| {way} | {between} | {by_chance:.2f} | {nll:.4f} | {brier:.5f} | {temperature:.2f} |")
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Train, measure, print; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arch", choices=EPOCHS, default="small")
    parser.add_argument("--epochs", type=float, help="of each training (6 of small, 9 of base)")
    parser.add_argument("--seeds", type=training_runs.seeds, default=range(3), help="how many (3)")
    parser.add_argument("--smoothing", type=float, nargs="+", default=SMOOTHINGS)
    parser.add_argument("--ways", choices=WAYS, nargs="+", default=list(WAYS))
    parser.add_argument("--test", action="store_true", help="the one measurement on the test set")
    parser.add_argument(
        "--cache", type=Path, default=ROOT / "out" / "calibration", help="folder of the logits"
    )
    given = parser.parse_args(argv)
    torch.set_num_threads(1)
    given.cache.mkdir(parents=True, exist_ok=True)
    epochs = given.epochs or EPOCHS[given.arch]
    comparison = Comparison(mnist.load(), given.cache, given.test)
    for smoothing in given.smoothing:
        evidences = [
            comparison.evidence(given.arch, epochs, seed, smoothing, given.ways) for seed in given.seeds
        ]
        found = {
            way: [figures(WAYS[way](each), each.measured.labels) for each in evidences] for way in given.ways
        }
        print(f"{given.arch}, {epochs:g} epochs, label smoothing {smoothing}, {len(given.seeds)} seeds")
        print("\n".join((*HEADER, *rows(found))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
