"""Images whose label is the place of a bright block: a small data set that is learned in seconds."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Bytes = NDArray[np.uint8]
WriteDataSet = Callable[..., Path]


def blocks(count: int, seed: int) -> tuple[Bytes, Bytes]:
    """Images with a bright block whose place is the label, on a noisy dark ground."""
    random = np.random.RandomState(seed)
    labels = (np.arange(count) % 10).astype(np.uint8)
    images = random.randint(0, 60, (count, 28, 28)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        row, column = 4 + 12 * (int(label) // 5), 2 + 5 * (int(label) % 5)
        image[row : row + 8, column : column + 4] = 230
    return images, labels


def idx(array: Bytes) -> bytes:
    """An array as an IDX file."""
    return struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape) + array.tobytes()


def png(pixels: Bytes, mode: str | None = None) -> bytes:
    """Pixels as a PNG, converted to `mode` where one is given."""
    image = Image.fromarray(pixels)
    target = io.BytesIO()
    (image.convert(mode) if mode else image).save(target, "PNG")
    return target.getvalue()
