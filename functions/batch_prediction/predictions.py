"""Read a transform job's joined output, one part after the other, into counts and the table of all images."""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any

import orjson

from batch_prediction.labels import LABELS

COLUMNS = ("image", "label", "prediction", "confidence", "error")
MISSING = "missing"  # the container's word for an object that isn't there
NO_ANSWER = "no prediction: the transform job gave no usable output for this part of the batch"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that a spreadsheet would run

Row = tuple[str, int | None, int | None, float | None, str | None]


@dataclass
class Tally:
    """What was counted: `pairs` of (label or None, prediction), images `unreadable` and `missing`.

    `problem` is the first part that could not be used, with what was expected and found.
    """

    pairs: Counter[tuple[int | None, int]] = field(default_factory=Counter)
    unreadable: int = 0
    missing: int = 0
    problem: str | None = None

    @property
    def scored(self) -> int:
        """Images with a prediction."""
        return self.pairs.total()

    @property
    def matrix(self) -> list[list[int]]:
        """The confusion matrix of the labelled images: rows are labels, columns predictions."""
        return [[self.pairs[label, prediction] for prediction in LABELS] for label in LABELS]


class BrokenPartError(ValueError):
    """An output that isn't the input with an answer on every line."""


def tabulate(
    sizes: Iterable[int],
    output: Callable[[int], bytes | None],
    given: Callable[[int], bytes],
    left_out: Iterable[bytes],
    table: IO[str],
) -> Tally:
    """Count every part and write one row an image; in memory, one part at a time.

    `sizes` are the lines of each part, `output(part)` gives its joined output or None, `given(part)` its
    input, `left_out` the lines of left_out.jsonl. A part without a usable output is missing as a whole.
    """
    tally = Tally()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for part, size in enumerate(sizes):
        try:
            rows, pairs = _answers(part, size, output(part))
        except BrokenPartError as error:
            tally.problem = tally.problem or str(error)
            tally.missing += size
            writer.writerows(_unanswered(given(part)))
            continue
        tally.pairs += pairs
        absent = sum(1 for row in rows if row[4] == MISSING)
        tally.missing += absent
        tally.unreadable += size - pairs.total() - absent
        writer.writerows(rows)
    for line in left_out:
        tally.unreadable += 1
        refused = orjson.loads(line)
        writer.writerow(
            (inert(refused["text"]), None, None, None, f"line {refused['line']}: {refused['reason']}")
        )
    return tally


def inert(text: str) -> str:
    """Text that no spreadsheet takes for a formula (https://owasp.org/www-community/attacks/CSV_Injection)."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _answers(part: int, size: int, body: bytes | None) -> tuple[list[Row], Counter[tuple[int | None, int]]]:
    """One part's rows and (label, prediction) pairs; BrokenPartError unless every line has an answer."""
    name = f"output part {part}"
    if body is None:
        raise BrokenPartError(f"{name}: expected {size} lines, found no object")
    lines = body.removesuffix(b"\n").split(b"\n") if body else []
    if len(lines) != size:
        raise BrokenPartError(f"{name}: expected {size} lines, found {len(lines)}")
    rows: list[Row] = []
    pairs: Counter[tuple[int | None, int]] = Counter()
    for number, line in enumerate(lines, start=1):
        try:
            record = orjson.loads(line)
            answer, label = record["SageMakerOutput"], record.get("label")
            if "error" in answer:
                rows.append((record["image"]["source-ref"], label, None, None, inert(answer["error"])))
            else:
                prediction = answer["label"]
                rows.append((record["image"]["source-ref"], label, prediction, answer["confidence"], None))
                pairs[label, prediction] += 1
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            found = line[:200].decode(errors="replace")
            raise BrokenPartError(
                f"{name}, line {number}: expected the input with SageMakerOutput "
                f"(label and confidence, or error), found {found!r}"
            ) from error
    for label, prediction in pairs:
        if type(prediction) is not int or prediction not in LABELS or label not in (None, *LABELS):
            raise BrokenPartError(
                f"{name}: expected digits, found label {label!r} and prediction {prediction!r}"
            )
    return rows, pairs


def _unanswered(body: bytes) -> Iterator[Row]:
    for line in body.splitlines():
        record: dict[str, Any] = orjson.loads(line)
        yield record["image"]["source-ref"], record.get("label"), None, None, NO_ANSWER
