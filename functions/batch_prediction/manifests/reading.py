"""Read a manifest of any form: what it is, its content says, and its name only where that doesn't.

Every line (of a JSON array: every item) that isn't blank is a record to score, or is left out with a reason;
what was recognised is said in one sentence.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, islice

from batch_prediction.manifests import arrays, tables, text
from batch_prediction.manifests.folder import Folder
from batch_prediction.manifests.json_lines import JsonRows
from batch_prediction.manifests.records import LeftOut, ManifestError, Record

_JSON_NAMES = (".jsonl", ".json", ".manifest")  # whose lines are JSON where the first says nothing
_BLANKS = b" \t\r\n"
_SHOWN_NAMES, _SHOWN_LENGTH = 2, 40


class Reading(Iterator[Record | LeftOut]):
    """The records and left-out lines of a manifest, once; `how` says what was recognised.

    `how` is complete at the end: a field that only later lines have is named then, too.
    """

    def __init__(self, body: Iterable[bytes], folder: Folder, name: str) -> None:
        """Look at the beginning; ManifestError when it can't be read."""
        self._name, self._folder = name.rpartition("/")[2], folder
        self._json: JsonRows | None = None
        self._table: tables.Table | None = None
        encoding, chunks = text.as_utf_8(body)
        self._encoding = "" if encoding == "UTF-8" else f" in {encoding}"
        self._form = "JSON Lines"
        self._items = self._recognise(chunks)

    def __iter__(self) -> Iterator[Record | LeftOut]:
        """The lines, or items, from where reading has got to."""
        return self._items

    def __next__(self) -> Record | LeftOut:
        """The next line, or item."""
        return next(self._items)

    @property
    def how(self) -> str:
        """What was recognised: the form, where images and labels are, as far as lines have been read."""
        return f"read as {self._form_in_use}{self._encoding}; {self._fields_in_use}"

    def _recognise(self, chunks: Iterator[bytes]) -> Iterator[Record | LeftOut]:
        head = b""
        for chunk in chunks:
            head += chunk
            begun = head.lstrip(_BLANKS)
            if len(begun) > text.MAX_LINE or b"\n" in begun or len(head) > 2 * text.MAX_LINE:
                break
        whole = chain([head], chunks)
        if self._is_array(head.lstrip(_BLANKS)):
            self._form = "a JSON array"
            return self._objects(arrays.items(whole))
        rows = text.numbered(text.lines(whole))
        first = list(islice(rows, 2))
        below = chain(first, rows)
        if first and first[0][1].startswith(b"{"):
            if first[0][1] == b"{" and len(first) > 1 and first[1][1].lstrip().startswith(b'"'):
                raise ManifestError(
                    f"{self._name}, line {first[0][0]}: expected one JSON object a line, or an array of "
                    "objects, found an object over several lines"
                )
            return self._objects(below)
        if first and tables.separator(first[0][1]):
            next(below)
            first = first[1:]
        number, line = first[0] if first else (1, b"")
        if table := tables.header(line):
            next(below)
        elif not (table := tables.untitled(line)):
            if self._name.lower().endswith(_JSON_NAMES):
                return self._objects(below)
            raise tables.problem(self._name, number, line)
        self._table, self._form = table, table.form
        return tables.read(table, below, self._folder)

    def _is_array(self, begun: bytes) -> bool:
        inside = begun[1:].lstrip(_BLANKS)[:1]
        return begun.startswith(b"[") and inside in (b"{", b"]", b"")

    def _objects(self, rows: Iterable[tuple[int, bytes]]) -> Iterator[Record | LeftOut]:
        self._json = JsonRows(self._folder)
        return self._json.read(rows)

    @property
    def _form_in_use(self) -> str:
        return "Ground Truth" if self._json and self._json.ground_truth.by else self._form

    @property
    def _fields_in_use(self) -> str:
        how = ""
        if self._json:
            images, labels, others = self._json.images, self._json.labels, self._json.others
            if self._json.ground_truth.by:
                how = f", {_named(self._json.ground_truth.by, quote='')}"
        elif self._table:
            choice = self._table.choice
            images, others = dict.fromkeys(choice.images), dict.fromkeys(choice.others)
            labels = dict.fromkeys([choice.label] if choice.label else [])
        else:
            images = labels = others = {}
        if not images:
            return "no field names images"
        of_images = f"images from {_named(images)}"
        if labels:
            return f"{of_images}, labels from {_named(labels)}{how}"
        none = f": none of {_named(others)} is a usual name of labels" if others else ""
        return f"{of_images}, no labels{none}"


def _named(names: Iterable[str], quote: str = "`") -> str:
    """The first names, shortened."""
    return " and ".join(f"{quote}{name[:_SHOWN_LENGTH]}{quote}" for name in islice(names, _SHOWN_NAMES))


def read(body: Iterable[bytes], folder: Folder, name: str = "manifest") -> Reading:
    """Read a manifest's chunks of bytes; ManifestError, now or later, when it can't be read as a whole."""
    return Reading(body, folder, name)
