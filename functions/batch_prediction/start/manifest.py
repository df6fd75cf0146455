"""Read a manifest line by line: every line is a record to score, or is left out with a reason.

Two forms. JSON Lines: one object a line, with `source-ref` (`s3://bucket/incoming/<batch>/…`) or `file_name`
(relative to the manifest's folder), and perhaps `label`. CSV: a header line that names `file_name` (or
`source-ref`) and perhaps `label`; fields are quoted as in RFC 4180, without line breaks inside. Other
columns and attributes are ignored. Blank lines don't count.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from batch_prediction import labels
from batch_prediction.layout import Manifest, check_name

MAX_LINE = 64 * 1024  # bytes
_BOM = b"\xef\xbb\xbf"
_SHOWN = 200  # characters of a refused line


class Record(NamedTuple):
    """An image to score, as an `s3://` reference; `label` is None if the manifest has none."""

    image: str
    label: int | None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A line that can't be used: its number, counted from 1, its beginning, and why."""

    line: int
    text: str
    reason: str


class Invalid(NamedTuple):
    """Why a line isn't a row; it becomes the reason for which the line is left out."""

    reason: str


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
                yield (rest + piece)[: MAX_LINE + 1] if rest else piece
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
    rows = _csv_rows(numbered) if manifest.form == "csv" else _json_rows(numbered)
    batch_prefix = f"s3://{bucket}/{manifest.folder}"
    for number, line, row in rows:
        record = row if isinstance(row, Invalid) else _record(row, batch_prefix)
        if isinstance(record, Invalid):
            yield LeftOut(number, line.decode(errors="replace")[:_SHOWN], record.reason)
        else:
            yield record


def _numbered(raw: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(raw, start=1):
        stripped = (line.removeprefix(_BOM) if number == 1 else line).strip()
        if stripped:
            yield number, stripped


def _json_rows(numbered: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes, object]]:
    for number, line in numbered:
        row: object
        if len(line) > MAX_LINE:
            row = Invalid(f"expected a line of at most {MAX_LINE} bytes, found more")
        else:
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                row = Invalid(f"expected a JSON object, found text that isn't JSON: {error}")
        yield number, line, row


def _csv_rows(numbered: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes, object]]:
    number, first = next(numbered, (1, b""))
    header = _csv_fields(first)
    if isinstance(header, Invalid) or not {"file_name", "source-ref"} & {name.strip() for name in header}:
        found = first.decode(errors="replace")[:_SHOWN]
        raise ManifestError(
            f"manifest.csv, line {number}: expected a header with the column file_name (and perhaps label), "
            f"found {found!r}"
        )
    names = [name.strip() for name in header]
    for number, line in numbered:
        fields = _csv_fields(line)
        if isinstance(fields, list) and len(fields) != len(names):
            fields = Invalid(f"expected {len(names)} fields as in the header, found {len(fields)}")
        if isinstance(fields, Invalid):
            yield number, line, fields
        else:
            row = dict(zip(names, fields, strict=True))
            yield number, line, {name: value for name, value in row.items() if value != ""}


def _csv_fields(line: bytes) -> list[str] | Invalid:
    if len(line) > MAX_LINE:
        return Invalid(f"expected a line of at most {MAX_LINE} bytes, found more")
    try:
        return next(csv.reader([line.decode()], strict=True), [])
    except UnicodeDecodeError as error:
        return Invalid(f"expected UTF-8, found {error.object[error.start : error.start + 1]!r}")
    except csv.Error as error:
        return Invalid(f"expected comma-separated fields on one line: {error}")


def _record(row: object, batch_prefix: str) -> Record | Invalid:
    if not isinstance(row, dict):
        return Invalid(f"expected a JSON object, found {type(row).__name__}")
    image = row.get("source-ref")
    if image is None:
        name = row.get("file_name")
        if not isinstance(name, str):
            return Invalid(f"expected source-ref or file_name as text, found {str(name)[:40]}")
        image = batch_prefix + name
    elif not isinstance(image, str) or not image.startswith(batch_prefix):
        return Invalid(f"source-ref: expected an object below {batch_prefix}, found {str(image)[:_SHOWN]}")
    label = row.get("label")
    try:
        check_name(image[len(batch_prefix) :])
        return Record(image, None if label is None else labels.parse(label))
    except ValueError as error:
        return Invalid(str(error))
