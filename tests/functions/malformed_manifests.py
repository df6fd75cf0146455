"""Malformed manifests: Hypothesis's strategies for their lines.

The threats: references elsewhere, bytes that aren't text, JSON that parsers disagree about, wrong fields.
"""

import json
from typing import Any

from hypothesis import strategies as st

from batch_prediction.manifests.folder import BatchFolder
from batch_prediction.manifests.reading import read
from batch_prediction.manifests.records import LeftOut, Record
from tests.settings_and_events import BUCKET

PREFIX = f"s3://{BUCKET}/incoming/b7/"
HEADER = "file_name,label,source-ref"
forms = st.sampled_from(["jsonl", "csv"])

_ELSEWHERE = [
    "s3://other/incoming/b7/1.png",
    f"s3://{BUCKET}/incoming/b8/1.png",
    f"s3://{BUCKET}/incoming/b7",
    f"s3://{BUCKET}/incoming/b77/1.png",
    f"s3://{BUCKET}@evil/incoming/b7/1.png",
    f"s3://{BUCKET}:80/incoming/b7/1.png",
    f"s3://{BUCKET}.evil/incoming/b7/1.png",
    f"S3://{BUCKET}/incoming/b7/1.png",
    f"https://{BUCKET}.s3.amazonaws.com/incoming/b7/1.png",
    f"{PREFIX}../b8/1.png",
    f"{PREFIX}%2e%2e/b8/1.png",
    f"{PREFIX}./1.png",
    f"{PREFIX}/1.png",
    f"{PREFIX}a//1.png",
    f"{PREFIX}a\\..\\1.png",
    f"{PREFIX}1.png?versionId=x",
    f"{PREFIX}1.png#x",
    f"{PREFIX}\x00",
    f"{PREFIX}{'k' * 1100}",
]
_SEGMENTS = [
    "..",
    ".",
    "",
    "a",
    "%2e%2e",
    "b 8",
    "é",
    "数",
    "?",
    "#",
    "\\",
    "\x00",
    "\x7f",
    "\u2028",
    "@",
    ":80",
]
_paths = st.lists(st.sampled_from(_SEGMENTS), min_size=1, max_size=5).map("/".join)
_references = st.one_of(
    st.sampled_from(_ELSEWHERE), _paths.map(lambda path: PREFIX + path), st.text(max_size=20)
)
_labels: Any = st.one_of(
    st.integers(-1, 10),
    st.sampled_from(
        [True, None, 7.0, "7", " 7 ", "07", "٧", "", [7], {"label": 7}, 10**40, float("nan"), 1e300]
    ),
)
_names = st.one_of(_paths, st.text(max_size=20), st.integers(), st.none(), st.lists(st.none(), max_size=1))
_objects = st.fixed_dictionaries(
    {},
    optional={"source-ref": _references, "file_name": _names, "label": _labels, "other": st.text(max_size=5)},
)
_HOSTILE_JSON = [
    b'{"file_name": "1.png", "file_name": "../2.png"}',
    b'{"source-ref": "\\ud800", "label": 1}',
    b'{"file_name": "1.png", "label": 1e400}',
    b'{"file_name": "1.png", "label": ' + b"9" * 5000 + b"}",
    b"[" * 3000,
    b'{"a":' * 3000,
    b'{"file_name": "' + b"a" * 70_000 + b'"}',
    b'{"file_name": "\xff.png"}',
    b"\xef\xbb\xbf{}",
    b"\xc2\x85",
    b"null",
    b'"text"',
    b"\r",
    b'broken\rin two, "and" quoted',
]


def hostile_lines(form: str) -> st.SearchStrategy[bytes]:
    """One line of a manifest of a form: fair, nearly fair, or any bytes; without a line feed."""
    if form == "csv":
        cells = st.one_of(
            _references, _paths, st.sampled_from(["1.png", "7", "10", '"', '"a""b"', "=1+1", ""])
        )
        fair = st.lists(cells, min_size=1, max_size=4).map(lambda row: ",".join(row).encode(errors="replace"))
    else:
        fair = _objects.map(lambda row: json.dumps(row).encode())
    lines = st.one_of(fair, fair, st.binary(max_size=30), st.sampled_from(_HOSTILE_JSON))
    return lines.map(lambda line: line.replace(b"\n", b" "))


def manifest_of(form: str, lines: list[bytes], header: str = HEADER) -> bytes:
    """A manifest of these lines, below its header where its form has one."""
    return b"\n".join([header.encode(), *lines] if form == "csv" else lines)


def numbers_of(form: str, lines: list[bytes]) -> list[int]:
    """The numbers, counted from 1 in the whole manifest, of its lines that aren't blank."""
    first = 2 if form == "csv" else 1
    unmarked = [
        line.removeprefix(b"\xef\xbb\xbf") if not n and first == 1 else line for n, line in enumerate(lines)
    ]
    return [number for number, line in enumerate(unmarked, start=first) if line.strip()]


def is_line_by_line(how: str | None) -> bool:
    """Whether a manifest was read as lines of UTF-8, though its first line may say otherwise."""
    return how is not None and how.startswith(("read as JSON Lines;", "read as CSV"))


def _is_a_key(name: str) -> bool:
    return name.strip() == name and not {"", ".", ".."} & set(name.split("/"))


ODD_NAMES: st.SearchStrategy[str] = st.text(
    st.one_of(
        st.sampled_from(" +%'\"/?#&=;,@:~$!*()[]{}<>|^`é数७😀\u0301\u00a0\u2028"),
        st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\\\ufeff"),
    ),
    min_size=1,
    max_size=30,
).filter(_is_a_key)


def read_text(text: str | bytes, form: str = "jsonl", chunk: int = 7) -> list[Record | LeftOut]:
    """Read a manifest that arrives in small chunks."""
    raw = text if isinstance(text, bytes) else text.encode()
    chunks = [raw[start : start + chunk] for start in range(0, len(raw), chunk)]
    return list(read(chunks, BatchFolder(BUCKET, "incoming/b7/"), f"manifest.{form}"))


def read_all(text: str | bytes, name: str) -> tuple[list[Record | LeftOut], str]:
    """The items of a manifest of a name, and what it was read as."""
    raw = text if isinstance(text, bytes) else text.encode()
    reading = read([raw], BatchFolder(BUCKET, "incoming/b7/"), name)
    return list(reading), reading.how
