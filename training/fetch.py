"""Published data sets, downloaded with torchvision.

torchvision is an extra (pyproject.toml): on Linux its wheel needs the CUDA build of torch, so it has an
environment of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.container.data import DataError
from training.datasets import DataSet, Digits


@dataclass(frozen=True)
class Published:
    """A data set of torchvision: its class there, and how many images its two splits have."""

    kind: str
    training: int
    test: int
    options: Mapping[str, Any] = field(default_factory=dict)


# https://docs.pytorch.org/vision/stable/datasets.html#image-classification
PUBLISHED = {
    "mnist": Published("MNIST", 60_000, 10_000),
    "emnist-digits": Published("EMNIST", 240_000, 40_000, {"split": "digits"}),
    "qmnist": Published("QMNIST", 60_000, 60_000),
    "kmnist": Published("KMNIST", 60_000, 10_000),
    "fashion-mnist": Published("FashionMNIST", 60_000, 10_000),
}


def fetch(name: str, folder: Path) -> DataSet:
    """Download a data set of PUBLISHED into a folder, unless it is already there, and read it.

    torchvision verifies its downloads against known MD5 digests. Raises DataError.
    """
    datasets, published = _torchvision(name), PUBLISHED[name]
    expected = {"train": published.training, "test": published.test}
    found = {}
    for split, count in expected.items():
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
        found[split] = digits = _digits(published, loaded)
        if len(digits) != count:
            raise DataError(
                f"{name}: expected {count:,} images in the {split} split, found {len(digits):,}: "
                f"delete {folder / published.kind} and try again"
            )
    return DataSet(name, f"torchvision.datasets.{published.kind}", found["train"], found["test"])


def _digits(published: Published, loaded: Any) -> Digits:
    images, labels = loaded.data.numpy(), loaded.targets.numpy()
    if published.kind == "EMNIST":
        images = upright(images)
    if labels.ndim > 1:  # QMNIST: class, writer, … (https://github.com/facebookresearch/qmnist); `compat`
        labels = labels[:, 0]  # only applies when torchvision returns one image at a time
    return Digits(np.ascontiguousarray(images), labels.astype(np.uint8))


def upright(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Swap rows and columns: EMNIST's files store their images column by column (https://arxiv.org/abs/1702.05373)."""
    return images.swapaxes(1, 2)


def _torchvision(name: str) -> ModuleType:
    try:
        from torchvision import datasets
    except (
        ImportError,
        OSError,
        RuntimeError,
    ) as error:  # RuntimeError: next to a CPU build of torch
        raise DataError(
            f"{name}: expected torchvision, which is the project's extra `torchvision`, found: {error}. "
            "`make torchvision` creates an environment with it (5.5 GB on Linux); there, run "
            f"`.venv-torchvision/bin/digits dataset {name}`. Or pass a folder of your own with --from"
        ) from error
    module: ModuleType = datasets
    return module
