"""Manifests as tables: CSV with commas, semicolons, tabs or bars below a header, and lists without one.

Fields are quoted as in RFC 4180, without line breaks inside. The first line is the header, whose fields
decide which character divides them; Excel's `sep=;` may stand above it.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from batch_prediction.manifests import columns, text
from batch_prediction.manifests.columns import Choice
from batch_prediction.manifests.folder import Folder
from batch_prediction.manifests.line_reader import TOO_LONG, left_out, record
from batch_prediction.manifests.records import NO_OTHERS, SHOWN, Invalid, LeftOut, ManifestError, Record

FORMS = {
    ",": "CSV",
    ";": "CSV with semicolons",
    "\t": "CSV with tabs",
    "|": "CSV with bars",
}
LIST = "an image list (.lst) of index, class and path"
LIST_OF_PATHS = "an image list (.lst) of path and class"
_SEPARATOR_LINE = re.compile(rb"sep=([,;|\t])")
_IMAGE = re.compile(r"\.(?:png|jpe?g|bmp|gif|tiff?|webp)$", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+(?:\.\d*)?")


class Table(NamedTuple):
    """How a table's lines are read: what divides its fields, their names, and what they are for."""

    form: str
    delimiter: str
    names: list[str]
    choice: Choice


def header(line: bytes) -> Table | None:
    """The table whose header a line is; None when no field names images, ManifestError when two do."""
    found: list[Table] = []
    for delimiter, form in FORMS.items():
        fields = _fields(line, delimiter)
        if isinstance(fields, Invalid):
            continue
        try:
            choice = columns.choose(fields)
        except ValueError as error:
            raise ManifestError(f"header: {error}") from error
        if choice.images:
            found.append(Table(form, delimiter, fields, choice))
    return max(found, key=lambda table: len(table.names), default=None)


def untitled(line: bytes) -> Table | None:
    """The list of images, divided by tabs and without a header, whose first line this is; or None.

    https://docs.aws.amazon.com/sagemaker/latest/dg/image-classification.html: index, class, path.
    """
    fields = _fields(line, "\t")
    if isinstance(fields, Invalid) or len(fields) < len(("path", "class")):
        return None
    numbers = [bool(_NUMBER.fullmatch(name)) for name in fields]
    if numbers == [True, True, False]:
        return Table(LIST, "\t", ["index", "class", "path"], Choice(("path",), "class", ()))
    if numbers == [False, True] and _IMAGE.search(fields[0]):
        return Table(LIST_OF_PATHS, "\t", ["path", "class"], Choice(("path",), "class", ()))
    return None


def separator(line: bytes) -> bool:
    """Whether a line says what divides the fields below it, as Excel writes it: `sep=;`."""
    return bool(_SEPARATOR_LINE.fullmatch(line))


def problem(name: str, number: int, line: bytes) -> ManifestError:
    """Why a first line is no header that can be used, with the likely cause."""
    found = line.decode(errors="replace")[:SHOWN]
    fields = max((_fields(line, each) for each in FORMS), key=len)
    texts = [] if isinstance(fields, Invalid) else fields
    if any(_IMAGE.search(field) for field in texts):
        cause = "; it looks like an image's line: put a header such as file_name,label above it"
    else:
        near = columns.suggestion(texts)
        cause = f"; it has {near}" if near else ""
    return ManifestError(
        f"{name}, line {number}: expected a header with the column file_name (and perhaps label), "
        f"found {found!r}{cause}"
    )


def read(table: Table, below: Iterable[tuple[int, bytes]], folder: Folder) -> Iterator[Record | LeftOut]:
    """The records of the lines below a header."""
    names, choice = table.names, table.choice
    for used in (*choice.images, choice.label):
        if names.count(used or "") > 1:
            raise ManifestError(f"header: expected one column {used}, found {names.count(used or '')}")
    images = [names.index(name) for name in choice.images]
    label = None if choice.label is None else names.index(choice.label)
    others = [(name, names.index(name)) for name in choice.others]
    for number, line in below:
        fields = Invalid(TOO_LONG) if len(line) > text.MAX_LINE else _fields(line, table.delimiter)
        if isinstance(fields, Invalid):
            yield left_out(number, line, fields.reason)
        elif len(fields) != len(names):
            reason = f"expected {len(names)} fields as in the header, found {len(fields)}"
            yield left_out(number, line, reason)
        else:
            rest = {name: fields[place] for name, place in others if fields[place]} if others else NO_OTHERS
            reference = next((fields[place] for place in images if fields[place]), None)
            named = None if label is None else fields[label] or None
            yield record(number, line, folder, reference, named, rest or NO_OTHERS)


def _fields(line: bytes, delimiter: str) -> list[str] | Invalid:
    if len(line) > text.MAX_LINE:
        return Invalid(TOO_LONG)
    try:
        row: Sequence[str] = next(csv.reader([line.decode()], strict=True, delimiter=delimiter), [])
    except UnicodeDecodeError as error:
        found = error.object[error.start : error.start + 1]
        return Invalid(f"expected UTF-8, found {found!r}: save the manifest as UTF-8")
    except csv.Error as error:
        return Invalid(f"expected fields, divided by {delimiter!r}, on one line: {error}")
    return [field.strip(" \t") for field in row]
