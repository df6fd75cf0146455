"""Your own data sets: IDX files, or a folder of images for each digit."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.container.data import IMAGE_SHAPE, DataError, load
from training.container.pixels import ImageError
from training.container.pixels import decode as decode_bytes
from training.datasets import DataSet, Digits, pair

SUFFIXES = (".png", ".jpg", ".jpeg")
TEST_SHARE = 7  # one image in seven, as MNIST's 10,000 of 70,000
_SEED = 28
_LABELS = [str(label) for label in range(10)]
_FORMS = (
    "training/ and test/, or train-* and t10k-* IDX files, or one pair of IDX files *-images-idx3-ubyte and "
    "*-labels-idx1-ubyte, or folders 0 to 9 of PNG or JPEG images"
)


def read(folder: Path, name: str, progress: Callable[[int, int], None] = lambda _done, _of: None) -> DataSet:
    """Read a data set from a folder; `progress` is called with the images read so far and in total.

    The folder holds `training/` and `test/`, or MNIST's four files, or one set of digits, of which one in
    seven, drawn with a fixed seed, becomes a test image. A set of digits is a pair of IDX files, or folders
    0 to 9 of PNG or JPEG images, 28 × 28 pixels, light ink on a dark background.

    Raises DataError.
    """
    channels = [folder / channel for channel in ("training", "test")]
    if any(channel.is_dir() for channel in channels):
        training, test = (_digits(channel, progress) for channel in channels)
        return DataSet(name, f"folder {folder.name}", training, test)
    if any(folder.glob("t10k-*")):
        try:
            return DataSet(name, f"folder {folder.name}", pair(folder, "train"), pair(folder, "t10k"))
        except FileNotFoundError as error:
            raise DataError(str(error)) from error
    digits = _digits(folder, progress)
    order = np.random.RandomState(_SEED).permutation(len(digits))
    count = len(digits) // TEST_SHARE
    if not count:
        raise DataError(f"{folder}: expected at least {TEST_SHARE} images, found {len(digits)}")
    test, training = (digits[np.sort(positions)] for positions in (order[:count], order[count:]))
    source = f"folder {folder.name}, one image in {TEST_SHARE} drawn as the test"
    return DataSet(name, source, training, test)


def decode(file: Path) -> NDArray[np.uint8]:
    """Read an image as inference does: greyscale, uint8 (28, 28). Raises DataError."""
    try:
        pixels: NDArray[np.uint8] = decode_bytes(file.read_bytes(), IMAGE_SHAPE[0])
    except (OSError, ImageError) as error:
        raise DataError(f"{file}: {error}") from error
    return pixels


def _digits(folder: Path, progress: Callable[[int, int], None]) -> Digits:
    """Read one set of digits: folders of images, or one pair of IDX files."""
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder next to its sibling, found none")
    visible = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    folders = {entry.name for entry in visible if entry.is_dir()}
    files = any(folder.glob("*-images-idx3-ubyte*"))
    if files and not folders:
        return Digits(*load(folder))
    if files or not folders or not folders <= set(_LABELS):
        found = ", ".join(sorted(entry.name for entry in visible)[:15]) or "nothing"
        raise DataError(f"{folder}: expected {_FORMS}, found {found}")
    images = [(file, int(label)) for label in sorted(folders) for file in _images(folder / label)]
    if not images:
        raise DataError(f"{folder}: expected PNG or JPEG images in its folders, found none")
    read, labels = np.empty((len(images), *IMAGE_SHAPE), np.uint8), np.empty(len(images), np.uint8)
    for position, (file, label) in enumerate(images):
        read[position], labels[position] = decode(file), label
        progress(position + 1, len(images))
    return Digits(read, labels)


def _images(folder: Path) -> list[Path]:
    files = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    for file in files:
        if file.suffix.lower() not in SUFFIXES:
            raise DataError(f"{file}: expected only files ending in {', '.join(SUFFIXES)} in {folder}")
    return files
