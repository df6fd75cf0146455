"""Published data sets: their IDX files, downloaded through torchvision where it is installed, else directly.

torchvision is an extra (pyproject.toml): on Linux its wheel needs the CUDA build of torch, so it has an
environment of its own.
"""

import gzip
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.container.data import DataError, read_images, read_labels
from training.datasets import DataSet, Digits
from training.download import Progress, download


@dataclass(frozen=True)
class Published:
    """A data set of torchvision: its class there, how many images its two splits have, and its files.

    `mirrors` are the addresses of the files' folder, `files` their names with MD5 digests: images and labels
    to train on, then those of the test, or one zip file of all.
    """

    kind: str
    training: int
    test: int
    mirrors: tuple[str, ...]
    files: Mapping[str, str]
    options: Mapping[str, Any] = field(default_factory=dict)


_MNIST_FILES = (
    *("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    *("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
)
_QMNIST_FILES = (
    *("qmnist-train-images-idx3-ubyte.gz", "qmnist-train-labels-idx2-int.gz"),
    *("qmnist-test-images-idx3-ubyte.gz", "qmnist-test-labels-idx2-int.gz"),
)


def _with(names: tuple[str, ...], *digests: str) -> dict[str, str]:
    return dict(zip(names, digests, strict=True))


# https://docs.pytorch.org/vision/stable/datasets.html#image-classification; mirrors and digests are those of
# https://github.com/pytorch/vision/blob/main/torchvision/datasets/mnist.py
PUBLISHED = {
    "mnist": Published(
        "MNIST",
        60_000,
        10_000,
        ("http://yann.lecun.com/exdb/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/"),
        _with(
            _MNIST_FILES,
            *("f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432"),
            *("9fb629c4189551a2d022fa330f9573f3", "ec29112dd5afa0611ce80d1b7f02629c"),
        ),
    ),
    "emnist-digits": Published(
        "EMNIST",
        240_000,
        40_000,
        ("https://biometrics.nist.gov/cs_links/EMNIST/",),
        {"gzip.zip": "58c8d27c78d21e728a6bc7b3cc06412e"},
        {"split": "digits"},
    ),
    "qmnist": Published(
        "QMNIST",
        60_000,
        60_000,
        ("https://raw.githubusercontent.com/facebookresearch/qmnist/master/",),
        _with(
            _QMNIST_FILES,
            *("ed72d4157d28c017586c42bc6afe6370", "0058f8dd561b90ffdd0f734c6a30e5e4"),
            *("1394631089c404de565df7b7aeaf9412", "5b5b05890a5e13444e108efe57b788aa"),
        ),
    ),
    "kmnist": Published(
        "KMNIST",
        60_000,
        10_000,
        ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        _with(
            _MNIST_FILES,
            *("bdb82020997e1d708af4cf47b453dcf7", "e144d726b3acfaa3e44228e80efcd344"),
            *("5c965bf0a639b31b8f53240b1b52f4d7", "7320c461ea6c1c855c0b718fb2a4b134"),
        ),
    ),
    "fashion-mnist": Published(
        "FashionMNIST",
        60_000,
        10_000,
        ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        _with(
            _MNIST_FILES,
            *("8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe"),
            *("bef4ecab320f06d8554ea6380940ec79", "bb300cfdad3c16e7a12a480ee83cd310"),
        ),
    ),
}
_SPLITS = ("train", "test")
_QMNIST_HEADER = bytes.fromhex("00000c02")  # integers of 4 bytes, two dimensions


def fetch(name: str, folder: Path, progress: Progress = lambda _file, _done, _of: None) -> DataSet:
    """Download a data set of PUBLISHED into a folder, unless it is already there, and read it.

    Both ways compare the files with the same MD5 digests; torchvision prints its progress. Raises DataError.
    """
    published, datasets = PUBLISHED[name], _torchvision()
    found = {}
    if datasets is None:
        pairs = _files(published, folder / published.kind / "raw", progress)
    for split, count in zip(_SPLITS, (published.training, published.test), strict=True):
        found[split] = digits = (
            _read(published, *pairs[split])
            if datasets is None
            else _through_torchvision(datasets, name, published, split, folder)
        )
        if len(digits) != count or len(digits.images) != count:
            raise DataError(
                f"{name}: expected {count:,} images in the {split} split, found {len(digits.images):,}: "
                f"delete {folder / published.kind} and try again"
            )
    return DataSet(name, f"torchvision.datasets.{published.kind}", found["train"], found["test"])


def _files(published: Published, folder: Path, progress: Progress) -> dict[str, tuple[Path, Path]]:
    """Each split's images and labels."""
    there = [
        download([f"{mirror}{name}" for mirror in published.mirrors], md5, folder / name, progress)
        for name, md5 in published.files.items()
    ]
    if published.kind == "EMNIST":
        (packed,) = there
        there = []
        with zipfile.ZipFile(packed) as archive:
            for split in _SPLITS:
                for part in ("images-idx3", "labels-idx1"):
                    member = f"gzip/emnist-{published.options['split']}-{split}-{part}-ubyte.gz"
                    there.append(Path(archive.extract(member, folder)))
    return {"train": (there[0], there[1]), "test": (there[2], there[3])}


def _read(published: Published, images: Path, labels: Path) -> Digits:
    pixels = read_images(images)
    if published.kind == "EMNIST":
        pixels = np.ascontiguousarray(upright(pixels))
    return Digits(pixels, _qmnist_labels(labels) if published.kind == "QMNIST" else read_labels(labels))


def _qmnist_labels(file: Path) -> NDArray[np.uint8]:
    """The first of each image's eight integers: its digit (https://github.com/facebookresearch/qmnist)."""
    content = gzip.decompress(file.read_bytes())
    count, columns = np.frombuffer(content[4:12], ">u4").tolist()
    if content[:4] != _QMNIST_HEADER or len(content) != 12 + 4 * count * columns:
        raise DataError(f"{file}: expected QMNIST's labels, found {len(content):,} bytes of another form")
    return np.frombuffer(content[12:], ">i4").reshape(count, columns)[:, 0].astype(np.uint8)


def _through_torchvision(
    datasets: ModuleType, name: str, published: Published, split: str, folder: Path
) -> Digits:
    try:
        loaded = getattr(datasets, published.kind)(
            str(folder), train=split == "train", download=True, **published.options
        )
    except (AssertionError, EOFError, OSError, RuntimeError, TypeError, ValueError) as error:
        message = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"{name}: expected to download and read it with torchvision, found: {message}. Try again; "
            f"if a file is corrupt, delete {folder / published.kind} first"
        ) from error
    images, labels = loaded.data.numpy(), loaded.targets.numpy()
    if published.kind == "EMNIST":
        images = upright(images)
    if labels.ndim > 1:  # QMNIST: class, writer, … (https://github.com/facebookresearch/qmnist); `compat`
        labels = labels[:, 0]  # only applies when torchvision returns one image at a time
    return Digits(np.ascontiguousarray(images), labels.astype(np.uint8))


def upright(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Swap rows and columns: EMNIST's files store their images column by column (https://arxiv.org/abs/1702.05373)."""
    return images.swapaxes(1, 2)


def _torchvision() -> ModuleType | None:
    """The data sets of torchvision; None where it isn't installed, or doesn't suit the torch that is."""
    try:
        from torchvision import datasets
    except (
        ImportError,
        OSError,
        RuntimeError,
    ):  # RuntimeError: next to a CPU build of torch
        return None
    module: ModuleType = datasets
    return module
