"""What has to hold of a data set before a training job reads it."""

import hashlib

import numpy as np

from training.container.data import IMAGE_SHAPE, DataError
from training.datasets import DataSet, Digits

CLASSES = 10


def check(dataset: DataSet) -> list[str]:
    """Return what a person should know of a data set that can be used, a sentence each.

    Raises DataError for one that can't: a channel that is empty, images and labels that don't fit together,
    another shape or type than uint8 (n, 28, 28), a label above 9.
    """
    warnings: list[str] = []
    for channel, digits in dataset.channels.items():
        where = f"{dataset.name}, {channel}"
        _check_form(where, digits)
        counts = classes(digits)
        if absent := [str(label) for label, count in enumerate(counts) if not count]:
            warnings.append(f"{where}: no image of {', '.join(absent)}")
        if (mean := float(digits.images.mean())) > np.iinfo(np.uint8).max / 2:
            warnings.append(
                f"{where}: the pixels' mean is {mean:.0f}, as of dark ink on light ground; "
                "training expects light ink on dark ground"
            )
    if twice := overlap(dataset.training, dataset.test):
        warnings.append(
            f"{dataset.name}: {twice:,} of {len(dataset.test):,} test images are training images, too; "
            "the test accuracy will be too high"
        )
    return warnings


def classes(digits: Digits) -> list[int]:
    """Count the images of each label from 0 to 9."""
    return [int(count) for count in np.bincount(digits.labels, minlength=CLASSES)]


def overlap(training: Digits, test: Digits) -> int:
    """Count the test images that are, pixel by pixel, among the training images."""
    known = {_digest(image.tobytes()) for image in training.images}
    return sum(_digest(image.tobytes()) in known for image in test.images)


def _check_form(where: str, digits: Digits) -> None:
    images, labels = digits.images, digits.labels
    if not len(images):
        raise DataError(f"{where}: expected images, found none")
    if images.shape[1:] != IMAGE_SHAPE or images.dtype != np.uint8:
        raise DataError(f"{where}: expected uint8 images (n, 28, 28), found {images.dtype} {images.shape}")
    if labels.shape != images.shape[:1] or labels.dtype != np.uint8:
        raise DataError(
            f"{where}: expected {len(images):,} labels of type uint8, one an image, "
            f"found {labels.dtype} {labels.shape}"
        )
    if labels.max() >= CLASSES:
        position = int(np.argmax(labels >= CLASSES))
        raise DataError(f"{where}: expected labels 0–9, found {labels[position]} at position {position}")


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()
