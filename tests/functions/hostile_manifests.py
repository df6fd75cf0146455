"""Hostile manifests of every form and encoding, made from seeds, and what must hold of each.

python -m tests.functions.hostile_manifests --count 20000
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import orjson

from batch_prediction.manifests import columns
from batch_prediction.manifests.folder import BatchFolder
from batch_prediction.manifests.reading import read
from batch_prediction.manifests.records import KEPT_REASON, KEPT_TEXT, LeftOut, ManifestError, Record
from tests.settings_and_events import BUCKET

FOLDER = "incoming/b7/"
PREFIX = f"s3://{BUCKET}/{FOLDER}"
NAMES = ["manifest.jsonl", "MANIFEST.CSV", "manifest.json", "manifest.lst", "metadata.csv", "output.manifest"]
ENCODINGS = ["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
SEGMENTS = [
    "..",
    ".",
    "",
    "a",
    "1.png",
    "%2e%2e",
    "é",
    "数",
    "?",
    "#",
    "\\",
    "\x00",
    "\u2028",
    "@",
    ":80",
    "b8",
]
REFERENCES = [
    "s3://other/incoming/b7/1.png",
    f"s3://{BUCKET}/incoming/b8/1.png",
    f"s3://{BUCKET}/incoming/b77/1.png",
    f"s3://{BUCKET}@evil/incoming/b7/1.png",
    f"s3://{BUCKET}:80/incoming/b7/1.png",
    f"S3://{BUCKET}/incoming/b7/1.png",
    f"https://{BUCKET}.s3.amazonaws.com/incoming/b7/1.png",
    f"{PREFIX}../b8/1.png",
    f"{PREFIX}1.png",
    "incoming/b8/1.png",
    "incoming/b7/../b8/1.png",
    "/etc/passwd",
    "C:\\data\\1.png",
    "..\\b8\\1.png",
    "\\\\server\\1.png",
    "file:///1.png",
    "=cmd|' /C calc'!A0",
    "k" * 1100,
    "",
]
LABELS: list[Any] = [
    7,
    "7",
    "seven",
    7.0,
    "7.000",
    -1,
    10,
    True,
    None,
    "",
    "dog",
    [7],
    {"a": 7},
    10**30,
    1e300,
    "٧",
]
FIELDS = [*columns.IMAGES, *columns.LABELS, "filnam", "species", "writer", "", "Path", "PATH"]


def reference(random: Random) -> str:
    """A reference to an image: fair, elsewhere, or none."""
    if random.random() < 0.4:
        return f"{random.randrange(9)}.png"
    if random.random() < 0.5:
        return random.choice(REFERENCES)
    return "/".join(random.choices(SEGMENTS, k=random.randrange(1, 5)))


def row(random: Random) -> dict[str, Any]:
    """An object with usual and unusual fields."""
    made: dict[str, Any] = {}
    for _ in range(random.randrange(5)):
        made[random.choice(FIELDS)] = random.choice([reference(random), random.choice(LABELS)])
    if random.random() < 0.7:
        made[random.choice(["source-ref", "file_name"])] = reference(random)
    for attribute in random.sample(["species", "label", "other"], random.randrange(3)):
        made[attribute] = random.choice(["0", "7", 7, None, [1]])
        name: Any = random.choice(["seven", "dog", None, 7, {"a": []}])
        made[f"{attribute}-metadata"] = random.choice(
            [{"class-name": name}, {"failure-reason": "x"}, "x", None]
        )
    return made


def json_lines(random: Random) -> str:
    """Objects, one a line."""
    return "\n".join(json.dumps(row(random)) for _ in range(random.randrange(6)))


def json_array(random: Random) -> str:
    """An array of objects, perhaps indented."""
    return json.dumps(
        [row(random) for _ in range(random.randrange(6))], indent=random.choice([None, None, 1])
    )


def table(random: Random) -> str:
    """A header and lines, divided by one character, mostly."""
    delimiter = random.choice(",;\t|")
    names = random.choices(FIELDS, k=random.randrange(1, 4)) + random.choice([[], ["file_name"]])
    cells = [[reference(random), str(random.choice(LABELS)), '"', '"a""b"', "x\ny"] for _ in names]
    rows = [
        delimiter.join(random.choice(each) for each in cells[: random.choice([1, len(cells), len(cells)])])
        for _ in range(random.randrange(6))
    ]
    return random.choice(["", "", "sep=;\n", "\n"]) + "\n".join([delimiter.join(names), *rows])


def image_list(random: Random) -> str:
    """Index, class and path, divided by tabs."""
    return "\n".join(
        "\t".join([str(number), str(random.choice(LABELS)), reference(random)])
        for number in range(random.randrange(6))
    )


def odd(random: Random) -> str:
    """What isn't a manifest."""
    deep, broken = ["[" * 3000, '{"a":' * 3000], ["{\n", '{\n"a": 1\n}', '"text"', "null", "\r", "<a>"]
    return random.choice([*deep, *broken, "[1]", "[[{}]]", "x" * 70_000])


FORMS: list[Callable[[Random], str]] = [json_lines, json_lines, json_array, table, table, image_list, odd]


def manifest(seed: int) -> tuple[bytes, str]:
    """The bytes and the name of a manifest: of one form, or of two; in one encoding; perhaps damaged."""
    random = Random(seed)  # noqa: S311 (not for secrets)
    text = "".join(random.choice(FORMS)(random) for _ in range(random.choice([1, 1, 1, 2])))
    raw = bytearray(text.encode(random.choice(ENCODINGS), errors="replace"))
    for _ in range(random.choice([0, 0, 0, 1, 3])):
        place = random.randrange(len(raw) + 1)
        match random.randrange(3):
            case 0:
                raw[place:place] = random.randbytes(random.randrange(1, 4))
            case 1:
                del raw[place : place + random.randrange(1, 9)]
            case _:
                raw[place:] = b""
    return bytes(raw), random.choice(NAMES)


def outcome(raw: bytes, name: str, chunk: int) -> tuple[list[Record | LeftOut], str]:
    """What reading a manifest gives, and what it was read as, or why it wasn't."""
    items: list[Record | LeftOut] = []
    try:
        reading = read(
            [raw[start : start + chunk] for start in range(0, len(raw), chunk)],
            BatchFolder(BUCKET, FOLDER),
            name,
        )
        items.extend(reading)
    except ManifestError as error:
        return items, f"refused: {error}"
    return items, reading.how


def check(seed: int) -> str:
    """AssertionError unless what must hold of any manifest holds; the first words of what it was read as."""
    raw, name = manifest(seed)
    items, how = outcome(raw, name, 1_000_000)
    assert (items, how) == outcome(raw, name, 1 + seed % 60 if len(raw) < 5_000 else 999), seed
    assert how, seed
    assert len(how) < 1_000, seed
    for item in items:
        kept = item if isinstance(item, LeftOut) else item.bad_label
        if kept is not None:
            assert kept.reason, seed
            assert (kept.line or 0) > 0, seed
            assert len(orjson.dumps(kept.text)) - 2 <= KEPT_TEXT, seed
            assert len(orjson.dumps(kept.reason)) - 2 <= KEPT_REASON, seed
        if isinstance(item, Record):
            assert item.image.startswith(PREFIX), seed
            assert not {"", ".", ".."} & set(item.image.removeprefix(PREFIX).split("/")), seed
            assert item.label is None or (type(item.label) is int and 0 <= item.label <= 9), seed
    return "refused" if how.startswith("refused: ") else how.partition(";")[0]


def main() -> None:
    """Check manifests of as many seeds as are wanted, and say what they were read as."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    given = parser.parse_args()
    counts = Counter(check(seed) for seed in range(given.first, given.first + given.count))
    for form, count in counts.most_common():
        print(f"{count:7,}  {form}")
    print(f"{given.count:,} manifests: no exception but ManifestError, no image outside the batch")


if __name__ == "__main__":
    main()
