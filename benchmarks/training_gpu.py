"""Training `large` on a GPU: accuracy over seeds, the time of the loop, and an ensemble with shifted images.

Reads MNIST from the folder MNIST_DIR. Every training uses all 60,000 images; a finished model is measured on
the test set once, and so is the ensemble: the sum of the probabilities of five models, each averaged over
shifts by a pixel. The first training's time includes CUDA's initialisation and doesn't count.
"""

import argparse
import statistics
import sys
from collections.abc import Sequence

import torch

from benchmarks import mnist, training_runs
from benchmarks.measuring import Figure, conclude

ENSEMBLE = 5


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=training_runs.seeds, default=range(5), help="how many (5)")
    parser.add_argument("--epochs", default="30")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a goal is missed")
    given = parser.parse_args(argv)
    if not torch.cuda.is_available():
        sys.exit("training_gpu: expected a GPU, found none: run it on a machine with one")
    images = mnist.load()
    trained = [
        training_runs.fit(images, training_runs.options_of("large", seed, "--epochs", given.epochs))
        for seed in given.seeds
    ]
    networks = [each.network for each in trained]
    accuracies = [training_runs.test_accuracy(network, images) for network in networks]
    seconds = [each.wall_seconds for each in trained]
    print(f"large on {torch.cuda.get_device_name()}: {training_runs.spread(accuracies)}")
    print(f"seconds of each training loop: {' '.join(f'{value:.1f}' for value in seconds)}")
    figures = [
        Figure("large, wrong test images of 10,000", round(1e4 * (1 - statistics.mean(accuracies)), 3), 30),
        Figure("large, seconds of the training loop", statistics.mean(seconds[1:] or seconds), 15),
    ]
    if len(networks) >= ENSEMBLE:
        accuracy = training_runs.ensemble_accuracy(networks[:ENSEMBLE], images)
        figures.append(
            Figure(
                "five of them with shifts, wrong test images of 10,000", round(1e4 * (1 - accuracy), 3), 22
            )
        )
    return conclude(figures, given.check)


if __name__ == "__main__":
    sys.exit(main())
