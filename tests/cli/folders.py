"""Folders of images as people have them, for `digits check` and `digits drop`."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image


def png(seed: int, side: int = 28) -> bytes:
    """An image of noise."""
    packed = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side), np.uint8)
    Image.fromarray(pixels).save(packed, format="PNG")
    return packed.getvalue()


def folder(where: Path, files: Mapping[str, bytes]) -> Path:
    """A folder with these files."""
    for name, body in files.items():
        path = where / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return where


CLASSES = {f"{label}/{number}.png": png(10 * label + number) for label in (3, 7) for number in range(3)}
WITH_MANIFEST = {
    "labels.csv": b"filename;label;writer\n0.png;7;ann\n1.png;3;bob\n2.png;eleven;bob\nabsent.png;1;ann\n",
    **{f"{number}.png": png(number) for number in range(3)},
}
WEBDATASET = {
    f"{number:03}.{ending}": body
    for number in range(3)
    for ending, body in (("png", png(number)), ("cls", b"%d" % number))
}
ALONE = {f"{number}.png": png(number) for number in range(3)}
