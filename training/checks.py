"""The checks that a data set has to pass before a training job reads it."""

import hashlib

import numpy as np

from training.container.data import IMAGE_SHAPE, DataError
from training.datasets import DataSet, Digits

CLASSES = 10


def check(dataset: DataSet) -> list[str]:
    """Return warnings about a data set that can be used, one sentence each.

    Raises DataError for one that can't: an empty channel, different numbers of images and labels, a shape or
    type other than uint8 (n, 28, 28), a label above 9.
    """
    warnings: list[str] = []
    for channel, digits in dataset.channels.items():
        where = f"{dataset.name}, {channel}"
        _check_arrays(where, digits)
        counts = classes(digits)
        if absent := [str(label) for label, count in enumerate(counts) if not count]:
            warnings.append(f"{where}: no image of {', '.join(absent)}")
        if (mean := float(digits.images.mean())) > np.iinfo(np.uint8).max / 2:
            warnings.append(
                f"{where}: the mean pixel value is {mean:.0f}, as for dark ink on a light background; "
                "training expects light ink on a dark background"
            )
    if duplicates := overlap(dataset.training, dataset.test):
        warnings.append(
            f"{dataset.name}: {duplicates:,} of {len(dataset.test):,} test images are also training images; "
            "the test accuracy will be too high"
        )
    return warnings


def classes(digits: Digits) -> list[int]:
    """Count the images of each label from 0 to 9."""
    return [int(count) for count in np.bincount(digits.labels, minlength=CLASSES)]


def overlap(training: Digits, test: Digits) -> int:
    """Count the test images that are identical, pixel by pixel, to a training image."""
    known = {_digest(image.tobytes()) for image in training.images}
    return sum(_digest(image.tobytes()) in known for image in test.images)


def _check_arrays(where: str, digits: Digits) -> None:
    images, labels = digits.images, digits.labels
    if not len(images):
        raise DataError(f"{where}: expected images, found none")
    if images.shape[1:] != IMAGE_SHAPE or images.dtype != np.uint8:
        raise DataError(f"{where}: expected uint8 images (n, 28, 28), found {images.dtype} {images.shape}")
    if labels.shape != images.shape[:1] or labels.dtype != np.uint8:
        raise DataError(
            f"{where}: expected {len(images):,} labels of type uint8, one per image, "
            f"found {labels.dtype} {labels.shape}"
        )
    if labels.max() >= CLASSES:
        position = int(np.argmax(labels >= CLASSES))
        raise DataError(f"{where}: expected labels 0–9, found {labels[position]} at position {position}")


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()
