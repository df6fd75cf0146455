"""Training on one CPU core, compared with one epoch of PyTorch's official MNIST example in the same run.

Reads MNIST from the folder MNIST_DIR. Every training uses all 60,000 images; a finished model is measured on
the test set once. The official loop runs before and after ours, and its mean counts; neither loop's test nor
its loading of the files is timed.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO

import torch

from benchmarks import mnist, official_loop, training_runs
from benchmarks.measuring import Figure, conclude
from benchmarks.training_runs import Trained

GOALS = {
    "small": (60, 0.7),
    "base": (40, 2.0),
}  # misread test images, and time in epochs of the official loop
MIN_SPEEDUP = 8  # in images per second


def official(images: mnist.Mnist, seed: int) -> tuple[float, float]:
    """The CPU time, in seconds, of the official loop's first epoch, and its test accuracy."""
    begun = time.process_time()
    with redirect_stdout(StringIO()):  # a line every ten mini-batches
        network = official_loop.train_epoch(images, seed)
    seconds, accuracy = time.process_time() - begun, official_loop.test_accuracy(network, images)
    print(f"official loop, seed {seed}: {seconds:.1f} s, {accuracy:.2%}", flush=True)
    return seconds, accuracy


def ours(images: mnist.Mnist, arch: str, seeds: Sequence[int]) -> tuple[list[Trained], list[float]]:
    """Trainings of one architecture, and the test accuracy of each."""
    trained, accuracies = [], []
    for seed in seeds:
        trained.append(training_runs.fit(images, training_runs.options_of(arch, seed)))
        accuracies.append(training_runs.test_accuracy(trained[-1].network, images))
        print(f"{arch}, seed {seed}: {trained[-1].cpu_seconds:.1f} s, {accuracies[-1]:.2%}", flush=True)
    return trained, accuracies


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arch", choices=GOALS, nargs="+", default=list(GOALS))
    parser.add_argument("--seeds", type=training_runs.seeds, default=range(3), help="how many (3)")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a goal is missed")
    given = parser.parse_args(argv)
    torch.set_num_threads(1)
    images = mnist.load()
    epochs, figures = [official(images, seed=0)], []
    measured = {arch: ours(images, arch, given.seeds) for arch in given.arch}
    epochs.append(official(images, seed=1))
    epoch = statistics.mean(seconds for seconds, _ in epochs)
    print(f"official loop, 1 epoch: {epoch:.1f} s, {training_runs.spread(value for _, value in epochs)}")
    for arch, (trained, accuracies) in measured.items():
        seconds = statistics.mean(each.cpu_seconds for each in trained)
        speed = statistics.mean(each.images / each.cpu_seconds for each in trained)
        print(f"{arch}: {seconds:.1f} s, {speed:,.0f} images/s, {training_runs.spread(accuracies)}")
        max_wrong, max_epochs = GOALS[arch]
        mean_wrong = round(1e4 * (1 - statistics.mean(accuracies)), 3)
        figures.append(Figure(f"{arch}, wrong test images of 10,000", mean_wrong, max_wrong))
        figures.append(Figure(f"{arch}, CPU time in official epochs", seconds / epoch, max_epochs))
        if arch == "small":
            speedup = speed * epoch / len(images.labels)
            figures.append(
                Figure(
                    "small, images per second as a multiple of the official loop's",
                    speedup,
                    MIN_SPEEDUP,
                    at_least=True,
                )
            )
    return conclude(figures, given.check)


if __name__ == "__main__":
    sys.exit(main())
