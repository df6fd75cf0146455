"""DataProcessing: which part of a record is sent, and which part is joined to its prediction, for JSON Lines.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsonpath_ng.exceptions import JSONPathError
from jsonpath_ng.jsonpath import Child, Fields, Index, JSONPath, Root, Slice, Wildcard
from jsonpath_ng.parser import parse

from localcloud.sagemaker.errors import ObjectFailed, invalid
from localcloud.sagemaker.transform.splitting import Record

OUTPUT = "SageMakerOutput"
INPUT = "SageMakerInput"
PATH_LENGTH = 63


@dataclass(frozen=True)
class Filter:
    """A JSONPath of the subset that SageMaker knows: names, indexes, open slices and wildcards after `$`."""

    path: str
    steps: tuple[JSONPath, ...]

    @classmethod
    def parse(cls, path: str) -> "Filter":
        """Read a path; raise a ValidationException for one that SageMaker doesn't know.

        A slice with an end is refused as well: AWS's guide counts the end in at one place and out at another.
        """
        try:
            expression = parse(path)
        except JSONPathError as error:
            raise invalid(f"The JSONPath {path!r} can't be read: {error}") from error
        steps: list[JSONPath] = []
        while isinstance(expression, Child):
            steps.insert(0, expression.right)
            expression = expression.left
        if len(path) > PATH_LENGTH or not isinstance(expression, Root) or not all(map(_is_known, steps)):
            raise invalid(
                f"The JSONPath {path!r} is not of the kind that batch transform knows: at most {PATH_LENGTH} "
                "characters, $ and then .name, ['a','b'], [0], [0,2], [1:] or *."
            )
        if any(isinstance(step, Fields) and _is_many(step) and "." in "".join(step.fields) for step in steps):
            raise invalid(f"The JSONPath {path!r} nests children within brackets of several.")
        if any(_is_many(step) for step in steps[:-1]):
            raise invalid(f"The JSONPath {path!r} selects several values before its last step.")
        return cls(path, tuple(steps))

    def select(self, value: Any) -> Any:
        """Return what the path selects: a value, an object of the names, or a list.

        Raise ObjectFailed when there is no such value.
        """
        for step in self.steps:
            try:
                value = _take(step, value)
            except (LookupError, TypeError) as error:
                raise ObjectFailed(f"{self.path} selects nothing in {json.dumps(value)[:200]}") from error
        return value


@dataclass(frozen=True)
class Processing:
    """A job's DataProcessing: the two filters, and whether the input is joined to the predictions."""

    input_filter: Filter
    output_filter: Filter
    join: bool

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "Processing":
        """Read a request's DataProcessing; what isn't given is AWS's default, which changes nothing."""
        return cls(
            Filter.parse(given.get("InputFilter") or "$"),
            Filter.parse(given.get("OutputFilter") or "$"),
            given.get("JoinSource") == "Input",
        )

    @property
    def changes_nothing(self) -> bool:
        """Whether records need not be JSON at all."""
        return not (self.join or self.input_filter.steps or self.output_filter.steps)

    def record(self, line: bytes) -> Record:
        """Make a record of an input line."""
        if not self.join and not self.input_filter.steps:
            return Record(line, line)
        value = _read(line, "input")
        if self.join and isinstance(value, dict) and OUTPUT in value:
            raise ObjectFailed(f"an input record has the reserved attribute {OUTPUT}")
        return Record(line, _write(self.input_filter.select(value)) if self.input_filter.steps else line)

    def output(self, records: Sequence[Record], answer: bytes) -> bytes:
        """Return what a request's answer becomes in the output object, one line a record.

        Raise ObjectFailed when records and lines of the answer aren't equally many.
        """
        if not self.join and not self.output_filter.steps:
            return answer
        answered = answer.removesuffix(b"\n").split(b"\n") if answer else []
        if len(answered) != len(records):
            raise ObjectFailed(f"the model answered {len(answered)} lines to {len(records)} records")
        joined = (self._joined(record, line) for record, line in zip(records, answered, strict=True))
        return b"".join(_write(self.output_filter.select(value)) + b"\n" for value in joined)

    def _joined(self, record: Record, line: bytes) -> Any:
        prediction = _read(line, "output")
        if not self.join:
            return prediction
        value = _read(record.original, "input")
        return {**(value if isinstance(value, dict) else {INPUT: value}), OUTPUT: prediction}


def _is_known(step: JSONPath) -> bool:
    if isinstance(step, Slice):
        return step.end is None and step.step is None
    return isinstance(step, Fields | Index | Wildcard)


def _is_many(step: JSONPath) -> bool:
    if isinstance(step, Fields):
        return len(step.fields) > 1
    if isinstance(step, Index):
        return len(step.indices) > 1
    return True


def _take(step: JSONPath, value: Any) -> Any:
    if isinstance(step, Fields):
        return {name: value[name] for name in step.fields} if _is_many(step) else value[step.fields[0]]
    if isinstance(step, Index):
        return [value[index] for index in step.indices] if _is_many(step) else value[step.indices[0]]
    if isinstance(step, Slice):
        return value[step.start :]
    return list(value.values() if isinstance(value, dict) else value)


def _read(line: bytes, side: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise ObjectFailed(f"an {side} line is not JSON ({error}): {line[:200]!r}") from error


def _write(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
