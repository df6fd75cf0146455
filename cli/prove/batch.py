"""The batch that is dropped: 32 good digits and eight entries that are each wrong in another way.

digits.png holds the good ones, in rows of eight: 0, 1, … 9, 0 … They are of MNIST, by Yann LeCun and Corinna
Cortes (http://yann.lecun.com/exdb/mnist/), under CC BY-SA 3.0.
The wrong ones lie between them at places of no pattern, so that answers in another order can't look right.
"""

import io
import json
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

SIDE, ROW, GOOD = 28, 8, 32
TOO_LARGE = 4 * 1024 * 1024 + 1  # bytes; training/container/inference.py reads 4 MiB
_SHEET = Path(__file__).with_name("digits.png")
MANIFEST = "manifest.jsonl"
REFUSED_MANIFEST, REFUSED = "manifest.csv", b"neither,this\nnor,that\n"


@dataclass(frozen=True)
class Entry:
    """A line of the manifest: an image with its label, or what the answer's `error` begins with.

    Without a body nothing is uploaded: the line is left out before the transform job.
    """

    name: str
    label: int
    body: bytes | None
    error: str = ""
    storage: str = "STANDARD"


def good() -> list[Entry]:
    """The digits, from 0 to 9 again and again."""
    with Image.open(_SHEET) as sheet:
        tiles = [
            sheet.crop((left, top, left + SIDE, top + SIDE))
            for top in range(0, sheet.height, SIDE)
            for left in range(0, sheet.width, SIDE)
        ]
    return [Entry(f"digit-{number:02d}.png", number % 10, _png(tile)) for number, tile in enumerate(tiles)]


def wrong(png: bytes) -> dict[int, Entry]:
    """The entries that can't be read, by their place among the forty; `png` is a good image's file."""
    larger = _png(Image.new("L", (SIDE + 4, SIDE + 4)))
    jpeg = io.BytesIO()
    Image.new("L", (SIDE, SIDE)).save(jpeg, format="JPEG")
    damaged = jpeg.getvalue()[:40]
    return {
        3: Entry("text.png", 1, b"seven", "not an image: expected PNG or JPEG"),
        8: Entry("empty.png", 2, b"", "not an image: expected PNG or JPEG"),
        14: Entry("larger.png", 3, larger, f"expected {SIDE} × {SIDE} pixels, found {SIDE + 4} × {SIDE + 4}"),
        19: Entry("truncated.png", 4, png[: len(png) // 2], "not an image: "),
        23: Entry("damaged.jpg", 5, damaged, "not an image: "),
        28: Entry("too-large.png", 6, png.ljust(TOO_LARGE, b"\0"), "not an image: expected at most "),
        33: Entry("archived.png", 7, png, "archived: ", "GLACIER"),
        37: Entry("../outside.png", 8, None, "expected a key without "),
    }


def forty() -> list[Entry]:
    """The whole batch, in the manifest's order."""
    digits = good()
    faulty = wrong(digits[0].body or b"")
    rest = iter(digits)
    return [faulty.get(place) or next(rest) for place in range(GOOD + len(faulty))]


def manifest(entries: list[Entry]) -> bytes:
    """The manifest of these entries."""
    lines = (json.dumps({"file_name": entry.name, "label": entry.label}) for entry in entries)
    return "".join(f"{line}\n" for line in lines).encode()


def _png(image: Image.Image) -> bytes:
    packed = io.BytesIO()
    image.save(packed, format="PNG")
    return packed.getvalue()
