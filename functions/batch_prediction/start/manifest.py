"""Read a manifest line by line: every line is a record to score, or is left out with a reason.

Two forms. JSON Lines: one object a line, with `source-ref` (`s3://bucket/incoming/<batch>/…`) or `file_name`
(relative to the manifest's folder), and perhaps `label`. CSV: a header line that names `file_name` (or
`source-ref`) and perhaps `label`; fields are quoted as in RFC 4180, without line breaks inside. What
other columns and attributes are for, slice_fields.py says. A line has at most 64 KiB, blanks included; blank
lines don't count.
"""

import csv
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import ceil
from types import MappingProxyType
from typing import NamedTuple

import orjson

from batch_prediction import labels
from batch_prediction.layout import Manifest, check_name

MAX_LINE = 64 * 1024  # bytes, without the line feed
KEPT_TEXT, KEPT_REASON = 160, 280  # bytes in JSON of a refused line, and of its reason
_KNOWN = {"source-ref", "file_name", "label"}
_NONE: Mapping[str, object] = MappingProxyType({})
_BOM = b"\xef\xbb\xbf"
_SHOWN = 200  # characters of a value in an error


class Record(NamedTuple):
    """An image to score, as an `s3://` reference; `label` is None if the manifest has none.

    `others` are the line's other fields.
    """

    image: str
    label: int | None
    others: Mapping[str, object] = _NONE


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A line that can't be used: its number, counted from 1, its beginning, and why.

    An archive's member that can't be used has no number, and its name for a beginning.

    Its size is bounded, whatever the line: left_out.jsonl of a full manifest has to fit on a function's disk.
    """

    line: int | None
    text: str
    reason: str

    @classmethod
    def of(cls, line: int | None, text: str, reason: str) -> "LeftOut":
        """Keep KEPT_TEXT of a line and KEPT_REASON of the reason for which it is left out."""
        return cls(line, _beginning(text, KEPT_TEXT), _beginning(reason, KEPT_REASON))


class Invalid(NamedTuple):
    """Why a line isn't a row; it becomes the reason for which the line is left out."""

    reason: str


_TOO_LONG = Invalid(f"expected a line of at most {MAX_LINE} bytes, found more")


class ManifestError(ValueError):
    """The manifest as a whole can't be read; the message says what was expected and found."""


def lines(body: Iterable[bytes]) -> Iterator[bytes]:
    """Split chunks of bytes at line feeds, in memory bounded by a chunk and a line.

    Of a line above MAX_LINE, one byte more than that comes out, and the rest is passed over.
    """
    rest, skipping = b"", False
    for chunk in body:
        *whole, tail = chunk.split(b"\n")
        for piece in whole:
            if not skipping:
                yield (rest + piece)[: MAX_LINE + 1]
            rest, skipping = b"", False
        if not skipping:
            rest += tail
            if len(rest) > MAX_LINE:
                yield rest[: MAX_LINE + 1]
                rest, skipping = b"", True
    if rest:
        yield rest


def read(body: Iterable[bytes], manifest: Manifest, bucket: str) -> Iterator[Record | LeftOut]:
    """Read a manifest's chunks of bytes; ManifestError when its CSV header is invalid."""
    numbered = _numbered(lines(body))
    parse = _csv_parser(numbered) if manifest.form == "csv" else _json_row
    root, folder = f"s3://{bucket}/", manifest.folder
    for number, line in numbered:
        row = _row(line, parse)
        record = row if isinstance(row, Invalid) else _record(row, root, folder)
        if isinstance(record, Invalid):
            yield LeftOut.of(number, line.decode(errors="replace"), record.reason)
        else:
            yield record


def _numbered(raw: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines that aren't blank, stripped. One that is too long stays so: nobody saw how it ends."""
    for number, line in enumerate(raw, start=1):
        if len(line) > MAX_LINE:
            yield number, line
        elif stripped := (line.removeprefix(_BOM) if number == 1 else line).strip():
            yield number, stripped


def _row(line: bytes, parse: Callable[[bytes], object]) -> object:
    return _TOO_LONG if len(line) > MAX_LINE else parse(line)


def _json_row(line: bytes) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return Invalid(f"expected a JSON object, found text that isn't JSON: {error}")


def _csv_parser(numbered: Iterator[tuple[int, bytes]]) -> Callable[[bytes], object]:
    """Take the header from the lines; what makes a row of each of the others."""
    number, first = next(numbered, (1, b""))
    header = _row(first, _csv_fields)
    names = [name.strip() for name in header] if isinstance(header, list) else []
    if not {"file_name", "source-ref"} & set(names):
        found = first.decode(errors="replace")[:_SHOWN]
        raise ManifestError(
            f"manifest.csv, line {number}: expected a header with the column file_name (and perhaps label), "
            f"found {found!r}"
        )
    return partial(_csv_row, names)


def _csv_row(names: list[str], line: bytes) -> object:
    fields = _csv_fields(line)
    if isinstance(fields, Invalid):
        return fields
    if len(fields) != len(names):
        return Invalid(f"expected {len(names)} fields as in the header, found {len(fields)}")
    row = dict(zip(names, fields, strict=True))
    return {name: value for name, value in row.items() if value != ""}


def _csv_fields(line: bytes) -> list[str] | Invalid:
    try:
        return next(csv.reader([line.decode()], strict=True), [])
    except UnicodeDecodeError as error:
        return Invalid(f"expected UTF-8, found {error.object[error.start : error.start + 1]!r}")
    except csv.Error as error:
        return Invalid(f"expected comma-separated fields on one line: {error}")


def _record(row: object, root: str, folder: str) -> Record | Invalid:
    if not isinstance(row, dict):
        return Invalid(f"expected a JSON object, found {type(row).__name__}")
    image = row.get("source-ref")
    if image is None:
        name = row.get("file_name")
        if not isinstance(name, str):
            return Invalid(f"expected source-ref or file_name as text, found {reprlib.repr(name)}")
        image = root + folder + name
    elif not isinstance(image, str) or not image.startswith(root + folder):
        found = image[:_SHOWN] if isinstance(image, str) else reprlib.repr(image)
        return Invalid(f"source-ref: expected an object below {root}{folder}, found {found}")
    label = row.get("label")
    try:
        check_name(image[len(root) :])
        return Record(image, None if label is None else labels.parse(label), _others(row))
    except ValueError as error:
        return Invalid(str(error))


def _others(row: dict[str, object]) -> Mapping[str, object]:
    others = row.keys() - _KNOWN
    return {name: row[name] for name in row if name in others} if others else _NONE


def _beginning(text: str, size: int) -> str:
    """As much of a text as takes at most `size` bytes in JSON, where a character takes one to six."""
    text = text[:size]
    while (excess := len(orjson.dumps(text)) - len('""') - size) > 0:
        text = text[: -ceil(excess / 6)]
    return text
