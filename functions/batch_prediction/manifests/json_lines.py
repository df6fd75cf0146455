"""Manifests of JSON objects: one a line, or the items of an array, with Ground Truth's labels in either."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain

import orjson

from batch_prediction import labels
from batch_prediction.manifests import columns, text
from batch_prediction.manifests.columns import Choice
from batch_prediction.manifests.folder import Folder
from batch_prediction.manifests.ground_truth import METADATA, GroundTruth
from batch_prediction.manifests.line_reader import TOO_LONG, left_out, record, shown
from batch_prediction.manifests.records import NO_OTHERS, Invalid, LeftOut, Record

_MAX_SHAPES, _WIDE = 256, 64  # whose choice of fields is remembered, and the fields of the widest of them
_LOOKED_AHEAD = 128 * 1024  # bytes in which an attribute of Ground Truth is looked for before the first line
_MAX_NAMES = 4  # that are kept of the fields in use


class JsonRows:
    """Reads objects, and knows afterwards which of their fields were used."""

    def __init__(self, folder: Folder) -> None:
        """Images are looked for in a folder."""
        self._folder = folder
        self._shapes: dict[tuple[str, ...], Choice] = {}
        self.ground_truth = GroundTruth()
        self.images: dict[str, None] = {}  # names of the fields in use, in the order of their first use
        self.labels: dict[str, None] = {}
        self.others: dict[str, None] = {}

    def read(self, rows: Iterable[tuple[int, bytes]]) -> Iterator[Record | LeftOut]:
        """The records of numbered objects in JSON."""
        rows = iter(rows)
        ahead: list[tuple[int, bytes]] = []
        size = 0
        for number, line in rows:
            ahead.append((number, line))
            size += len(line)
            if isinstance(row := _parsed(line), dict):
                self.ground_truth.learn(row)
            if size > _LOOKED_AHEAD:
                break
        for number, line in chain(ahead, rows):
            yield self._record(number, line)

    def _record(self, number: int, line: bytes) -> Record | LeftOut:
        row = _parsed(line)
        if isinstance(row, Invalid):
            return left_out(number, line, row.reason)
        if not isinstance(row, dict):
            return left_out(number, line, f"expected a JSON object, found {type(row).__name__}")
        names = tuple(row)
        try:
            choice = self._shapes.get(names) or self._choose(names, row)
        except ValueError as error:
            return left_out(number, line, str(error))
        if not choice.images:
            return left_out(number, line, _without_image(row))
        reference = row[choice.images[0]]
        if reference is None and len(choice.images) > 1:
            reference = row[choice.images[1]]
        label = None if choice.label is None else row[choice.label]
        others = {name: row[name] for name in choice.others} if choice.others else NO_OTHERS
        return record(number, line, self._folder, reference, label, others, self._parser(choice, row))

    def _choose(self, names: tuple[str, ...], row: Mapping[str, object]) -> Choice:
        known = self.ground_truth.attribute
        self.ground_truth.learn(row)
        choice = columns.choose(names, self.ground_truth.attribute)
        if len(self._shapes) >= _MAX_SHAPES or self.ground_truth.attribute != known:
            self._shapes.clear()
        if len(names) <= _WIDE:
            self._shapes[names] = choice
        for kept, used in (
            (self.images, choice.images),
            (self.labels, () if choice.label is None else (choice.label,)),
            (self.others, choice.others),
        ):
            kept.update(dict.fromkeys(used[: _MAX_NAMES - len(kept)]))
        return choice

    def _parser(self, choice: Choice, row: Mapping[str, object]) -> Callable[[object], int]:
        if choice.label is not None and choice.label == self.ground_truth.attribute:
            return partial(self.ground_truth.parse, row)
        return labels.parse


def _parsed(line: bytes) -> object:
    """A line's JSON, or why it isn't any."""
    if len(line) > text.MAX_LINE:
        return Invalid(TOO_LONG)
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return Invalid(f"expected a JSON object, found text that isn't JSON: {error}")


def _without_image(row: Mapping[str, object]) -> str:
    names = [name for name in row if not name.endswith(METADATA)]
    expected = "expected source-ref or file_name"
    if not names:
        return f"{expected}, found an object without fields"
    if any(isinstance(value, list) and value and isinstance(value[0], dict) for value in row.values()):
        return f"{expected} on each line, found an object with lists of objects: write one object a line"
    if near := columns.suggestion(names):
        return f"{expected}, found {near}"
    return f"{expected}, found the fields {shown(names)}"
