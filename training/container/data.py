"""Labelled images from IDX files, checked, and the fixed split into training and validation images.

The file format: http://yann.lecun.com/exdb/mnist/ (archived at https://web.archive.org/web/20200430193701/).
"""

import gzip
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

IMAGES_MAGIC = 0x00000803  # unsigned bytes, three dimensions
LABELS_MAGIC = 0x00000801  # unsigned bytes, one dimension
IMAGE_SHAPE = (28, 28)
MAX_COUNT = 10_000_000  # bounds the memory that a header may claim: 7.8 GB of images
GZIP_MAGIC = b"\x1f\x8b"
SPLIT_SEED = 28


class DataError(ValueError):
    """A data set can't be used for training; the message is one sentence for the job's failure reason."""


def load(folder: str | Path) -> tuple[Bytes, Bytes]:
    """Read the one data set in `folder`.

    The folder holds one `*-images-idx3-ubyte` and one `*-labels-idx1-ubyte`, each with or without `.gz`.
    Returns images (N, 28, 28) and labels (N,), 0–9, both uint8.

    Raises DataError if a file is missing, ambiguous or corrupt, or if the two don't match.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder with a data set in IDX files, found none")
    images_file = _only(folder, "*-images-idx3-ubyte")
    labels_file = _only(folder, "*-labels-idx1-ubyte")
    images, labels = read_images(images_file), read_labels(labels_file)
    if len(images) != len(labels):
        raise DataError(
            f"{labels_file}: expected {len(images)} labels, one per image of {images_file.name}, "
            f"found {len(labels)}"
        )
    return images, labels


def read_images(file: Path) -> Bytes:
    """Read an IDX file of 28 × 28 greyscale images: uint8 (N, 28, 28). Raises DataError."""
    return _read(file, IMAGES_MAGIC, IMAGE_SHAPE)


def read_labels(file: Path) -> Bytes:
    """Read an IDX file of labels 0–9: uint8 (N,). Raises DataError."""
    labels = _read(file, LABELS_MAGIC, ())
    if labels.max() > 9:
        position = int(np.argmax(labels > 9))
        raise DataError(f"{file}: expected labels 0–9, found {labels[position]} at position {position}")
    return labels


def split(count: int, validation_images: int | None = None) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split the positions 0 … count - 1 into those to train on and those held out, both in ascending order.

    By default 10,000 are held out, or a sixth of fewer than 60,000; 0 trains on everything. The split depends
    only on the two numbers, so that the trials of a tuning job are compared on the same images; the
    generator's stream is frozen (https://numpy.org/neps/nep-0019-rng-policy.html).

    Raises DataError if nothing would be left to train on.
    """
    held_out = min(count // 6, 10_000) if validation_images is None else validation_images
    if not 0 <= held_out < count:
        raise DataError(
            f"validation-images: expected 0 to {count - 1}, as the training channel has {count} images, "
            f"found {held_out}"
        )
    order = np.random.RandomState(SPLIT_SEED).permutation(count)
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def _only(folder: Path, pattern: str) -> Path:
    found = sorted([*folder.glob(pattern), *folder.glob(f"{pattern}.gz")])
    if len(found) != 1:
        names = ", ".join(file.name for file in found) or "none"
        raise DataError(f"{folder}: expected one file {pattern} or {pattern}.gz, found {names}")
    return found[0]


def _read(file: Path, magic: int, item_shape: tuple[int, ...]) -> Bytes:
    try:
        with file.open("rb") as raw:
            packed = raw.read(2) == GZIP_MAGIC
            raw.seek(0)
            if not packed:
                return _read_array(raw, file, magic, item_shape)
            with gzip.open(raw) as unpacked:
                return _read_array(unpacked, file, magic, item_shape)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{file}: expected a readable IDX file, found: {error}") from error


def _read_array(
    stream: BinaryIO | gzip.GzipFile, file: Path, magic: int, item_shape: tuple[int, ...]
) -> Bytes:
    header = stream.read(4 * (2 + len(item_shape)))
    found_magic = int.from_bytes(header[:4], "big")
    if len(header) >= 4 and found_magic != magic:
        raise DataError(f"{file}: expected the magic number 0x{magic:08x}, found 0x{found_magic:08x}")
    if len(header) < 4 * (2 + len(item_shape)):
        raise DataError(f"{file}: expected an IDX header, found a file of {len(header)} bytes")
    count, *shape = struct.unpack(f">{1 + len(item_shape)}I", header[4:])
    if tuple(shape) != item_shape:
        raise DataError(f"{file}: expected images of {_by(item_shape)} pixels, found {_by(shape)}")
    if not 1 <= count <= MAX_COUNT:
        raise DataError(f"{file}: expected 1 to {MAX_COUNT:,} items, found {count:,} in the header")
    array = np.empty((count, *item_shape), np.uint8)
    size = _fill(stream, array.data.cast("B"))
    if size < array.size:
        raise DataError(f"{file}: expected {array.size:,} bytes after the header, found {size:,}")
    if stream.read(1):
        raise DataError(f"{file}: expected {array.size:,} bytes after the header, found more")
    return array


def _fill(stream: BinaryIO | gzip.GzipFile, target: memoryview) -> int:
    """Read until `target` is full or the stream ends; returns the number of bytes read."""
    filled = 0
    while filled < len(target):
        chunk = stream.read(min(len(target) - filled, 1 << 20))
        if not chunk:
            break
        target[filled : filled + len(chunk)] = chunk
        filled += len(chunk)
    return filled


def _by(shape: tuple[int, ...] | list[int]) -> str:
    return " × ".join(str(size) for size in shape)
