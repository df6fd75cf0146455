"""Records of every kind, and the objects that they refer to."""

import io
import json
import random
from dataclasses import dataclass

import numpy as np
from PIL import Image

from tests.localcloud.sagemaker.sagemaker_account import BUCKET
from tests.stack import png
from training.datasets import Digits

FOLDER = "incoming/doors/"
SIZES = (1, 63, 64, 65, 129)  # of the first requests; the last one has the other records
BROKEN = f"{FOLDER}broken.png"  # S3 answers it with an error that isn't the object's
ODD_NAMES = (
    *(
        "a b.png",
        "1+1.png",
        "100%.png",
        "%2e%2e.png",
        "it's.png",
        'say "7".png',
        "what?#1.png",
        "a&b=c;d.png",
    ),
    *("数字/७.png", "e\u0301.png", "..png", "~.png", "[1]{2}.png", "x" * 900 + ".png"),
)


@dataclass(frozen=True)
class Record:
    """A line of a request, and the expected answer: the digit, or how its `error` begins."""

    line: bytes
    label: int | None = None
    error: str | None = None


def write(digits: Digits) -> tuple[dict[str, bytes], list[Record]]:
    """Make objects by key, and records about them in an order that is mixed and always the same."""
    objects: dict[str, bytes] = {}
    records: list[Record] = []

    def good(number: int, name: str, content: bytes, times: int = 1) -> None:
        objects[FOLDER + name] = content
        records.extend([Record(refer(FOLDER + name), int(digits.labels[number]))] * times)

    def bad(error: str, name: str, content: bytes) -> None:
        objects[FOLDER + name] = content
        records.extend([Record(refer(FOLDER + name), error=error)] * 3)

    for number in range(380):
        good(number, f"{number:04}.png", png(digits, number))
    for number, name in enumerate(ODD_NAMES):
        good(number, name, png(digits, number), times=2)
    for number, (kind, mode) in enumerate((("JPEG", "L"), ("PNG", "RGB"), ("PNG", "P"), ("PNG", "LA"))):
        good(number, f"{kind}-{mode}", pixels(digits, number, kind, mode), times=3)
    bad("not an image", "corrupt.png", png(digits, 0)[:150])
    bad("not an image", "empty.png", b"")
    bad("not an image: expected PNG or JPEG", "text.png", b"seven")
    bad("not an image: expected at most 4,194,304 bytes", "large.png", bytes(4 * 1024 * 1024 + 1))
    bad("expected 28 × 28 pixels, found 29 × 28", "wide.png", canvas(29, 28))
    bad("expected 28 × 28 pixels, found 9000 × 9000", "huge.png", canvas(9000, 9000))

    foreign = "runs/doors/1.png"
    objects[foreign] = png(digits, 0)
    lines = {
        refer(f"{FOLDER}absent.png"): "missing",
        refer(f"{FOLDER}absent 数字.png"): "missing",
        refer(foreign): "outside ",
        refer(f"{FOLDER}1.png").replace(BUCKET.encode(), b"another-bucket"): "outside ",
        refer(f"{FOLDER}../doors/0001.png"): "not a key: dot segments",
        refer(f"{FOLDER}a\\b.png"): "not a key: dot segments",
        b'{"source-ref": "s3://': "not a record: expected JSON",
        b'{"source-ref": "\xff"}': "not a record: expected JSON",
        b"[" * 100_000: "not a record: expected JSON",
        b"": "not a record: expected JSON",
        b"7": "not a record",
        b'["source-ref"]': "not a record",
        b'{"source-ref": 7}': "not a record",
        b'{"image": {}}': "not a record",
    }
    records += [Record(line, error=error) for line, error in lines.items() for _ in range(3)]
    # References in other bytes: unicode as it is, a carriage return, more keys than one.
    unicode = json.dumps({"source-ref": f"s3://{BUCKET}/{FOLDER}数字/७.png"}, ensure_ascii=False)
    records += [Record(unicode.encode(), int(digits.labels[ODD_NAMES.index("数字/७.png")]))]
    records += [Record(refer(f"{FOLDER}0001.png") + b"\r", int(digits.labels[1]))]
    labelled = json.dumps({"label": 7, "source-ref": f"s3://{BUCKET}/{FOLDER}0002.png"})
    records += [Record(labelled.encode(), int(digits.labels[2]))]
    random.Random(7).shuffle(records)  # noqa: S311 - an order, no secret
    return objects, records


def cut(records: list[Record]) -> dict[str, list[Record]]:
    """The records of each request, by the name of its input object."""
    requests, start = {}, 0
    for number, size in enumerate((*SIZES, len(records))):
        requests[f"part-{number:05}.jsonl"] = records[start : start + size]
        start += size
    return requests


def body(records: list[Record]) -> bytes:
    """A request."""
    return b"".join(record.line + b"\n" for record in records)


def refer(key: str) -> bytes:
    """The line that refers to a key of the bucket."""
    return json.dumps({"source-ref": f"s3://{BUCKET}/{key}"}).encode()


def pixels(digits: Digits, number: int, kind: str, mode: str) -> bytes:
    """One image as a file of another kind or mode."""
    packed = io.BytesIO()
    Image.fromarray(digits.images[number]).convert(mode).save(packed, format=kind)
    return packed.getvalue()


def canvas(width: int, height: int) -> bytes:
    """A black PNG."""
    packed = io.BytesIO()
    Image.fromarray(np.zeros((height, width), np.uint8)).save(packed, format="PNG", compress_level=9)
    return packed.getvalue()
