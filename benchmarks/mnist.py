"""All of MNIST, from the folder that the variable MNIST_DIR names."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from training.container.data import Bytes, read_images, read_labels


@dataclass(frozen=True)
class Mnist:
    """60,000 images to train on and 10,000 to test: uint8 (N, 28, 28), with labels (N,)."""

    images: Bytes
    labels: Bytes
    test_images: Bytes
    test_labels: Bytes


def load() -> Mnist:
    """Read the four IDX files. Exits with a message if MNIST_DIR isn't set."""
    folder = os.environ.get("MNIST_DIR")
    if not folder:
        sys.exit("MNIST_DIR: expected the folder with MNIST's four IDX files, found no such variable: set it")

    def file(name: str) -> Path:
        packed = Path(folder, f"{name}.gz")
        return packed if packed.is_file() else packed.with_suffix("")

    return Mnist(
        read_images(file("train-images-idx3-ubyte")),
        read_labels(file("train-labels-idx1-ubyte")),
        read_images(file("t10k-images-idx3-ubyte")),
        read_labels(file("t10k-labels-idx1-ubyte")),
    )
