"""Read a transform job's joined output, one part after the other, into counts and the table of all images."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import IO, Any

import orjson

from batch_prediction.labels import LABELS

COLUMNS = ("image", "label", "prediction", "confidence", "error")
MISSING = "missing"  # the container's word for an object that isn't there
NO_ANSWER = "no prediction: the transform job gave no usable output for this part of the batch"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that a spreadsheet would run

Pair = tuple[int | None, int]  # label or None, prediction
_TEXT = {None: ""} | {label: str(label) for label in LABELS}
_PAIR_TEXT = {(label, prediction): f"{_TEXT[label]},{prediction}" for label in _TEXT for prediction in LABELS}


@dataclass
class Tally:
    """What was counted: `pairs` of (label or None, prediction), images `unreadable` and `missing`.

    `problem` is the first part that could not be used, with what was expected and found.
    """

    pairs: Counter[Pair] = field(default_factory=Counter)
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
    table.write(",".join(COLUMNS) + "\n")
    for part, size in enumerate(sizes):
        try:
            rows, pairs, absent = _answers(part, size, output(part))
        except BrokenPartError as error:
            tally.problem = tally.problem or str(error)
            tally.missing += size
            table.writelines(_unanswered(given(part)))
            continue
        tally.pairs += pairs
        tally.missing += absent
        tally.unreadable += size - pairs.total() - absent
        table.write("".join(rows))
    for line in left_out:
        tally.unreadable += 1
        refused = orjson.loads(line)
        table.write(_unscored(inert(refused["text"]), None, f"line {refused['line']}: {refused['reason']}"))
    return tally


def inert(text: str) -> str:
    """Text that no spreadsheet takes for a formula (https://owasp.org/www-community/attacks/CSV_Injection)."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _answers(part: int, size: int, body: bytes | None) -> tuple[list[str], Counter[Pair], int]:
    """One part's rows, its pairs, and how many images are missing.

    BrokenPartError unless every line has an answer. The rows aren't left to `csv.writer`, which would take as
    long as all the rest: text is always quoted, as RFC 4180 allows, and numbers never need it.
    """
    name = f"output part {part}"
    if body is None:
        raise BrokenPartError(f"{name}: expected {size} lines, found no object")
    lines = body.removesuffix(b"\n").split(b"\n") if body else []
    if len(lines) != size:
        raise BrokenPartError(f"{name}: expected {size} lines, found {len(lines)}")
    rows: list[str] = []
    pairs: list[Pair] = []
    absent = 0
    for line in lines:
        try:
            record = orjson.loads(line)
            answer, label = record["SageMakerOutput"], record.get("label")
            image = record["image"]["source-ref"]
            if "error" in answer:
                rows.append(_unscored(image, label, inert(answer["error"])))
                absent += answer["error"] == MISSING
            else:
                pair = (label, answer["label"])
                pairs.append(pair)
                quoted, confidence = image.replace('"', '""'), _decimal(answer["confidence"])
                rows.append(f'"{quoted}",{_PAIR_TEXT.get(pair)},{confidence},\n')
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            found = line[:200].decode(errors="replace")
            raise BrokenPartError(
                f"{name}, line {len(rows) + 1}: expected the input with SageMakerOutput "
                f"(label and confidence, or error), found {found!r}"
            ) from error
    counted = Counter(pairs)
    for label, prediction in counted:
        if type(prediction) is not int or prediction not in LABELS or label not in (None, *LABELS):
            raise BrokenPartError(
                f"{name}: expected digits, found label {label!r} and prediction {prediction!r}"
            )
    return rows, counted, absent


def _unanswered(body: bytes) -> Iterator[str]:
    for line in body.splitlines():
        record: dict[str, Any] = orjson.loads(line)
        yield _unscored(record["image"]["source-ref"], record.get("label"), NO_ANSWER)


def _unscored(image: str, label: int | None, error: str) -> str:
    """The row of an image without a prediction; KeyError for a label that is none."""
    return f"{_quoted(image)},{_TEXT[label]},,,{_quoted(error)}\n"


@lru_cache(maxsize=16_384)  # the container rounds to four decimals: 10,001 numbers, slow to turn into text
def _decimal(number: Any) -> str:
    return str(float(number))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
