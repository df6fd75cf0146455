"""What reading a manifest gives: images to score, and lines that can't be used, each with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from types import MappingProxyType
from typing import Literal, NamedTuple

import orjson

KEPT_TEXT, KEPT_REASON = 160, 280  # bytes in JSON of a refused line, and of its reason
NO_OTHERS: Mapping[str, object] = MappingProxyType({})
SHOWN = 200  # characters of a value in an error


class ManifestError(ValueError):
    """The manifest as a whole can't be read; the message says what was expected and found."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A line, or the label of a line, that can't be used: its number, its beginning, and why.

    Lines are counted from 1, those of a JSON array are its items; a member of an archive has no number, and
    its name for a beginning. Of kind `label` the line's image is scored all the same. The size is bounded,
    whatever the line: left_out.jsonl of a full manifest has to fit on a function's disk.
    """

    line: int | None
    text: str
    reason: str
    kind: Literal["line", "label"] = "line"

    @classmethod
    def of(
        cls, line: int | None, text: str, reason: str, kind: Literal["line", "label"] = "line"
    ) -> "LeftOut":
        """Keep KEPT_TEXT of a line and KEPT_REASON of the reason for which it is left out."""
        return cls(line, _beginning(text, KEPT_TEXT), _beginning(reason, KEPT_REASON), kind)


class Record(NamedTuple):
    """An image to score, by its canonical address; `label` is None if the manifest has none that is valid.

    `others` are the line's other fields; `bad_label` says why a label isn't used.
    """

    image: str
    label: int | None
    others: Mapping[str, object] = NO_OTHERS
    bad_label: LeftOut | None = None


class Invalid(NamedTuple):
    """Why a line isn't a row; it becomes the reason for which the line is left out."""

    reason: str


def _beginning(text: str, size: int) -> str:
    """As much of a text as takes at most `size` bytes in JSON, where a character takes one to six."""
    text = text[:size]
    while (excess := len(orjson.dumps(text)) - len('""') - size) > 0:
        text = text[: -ceil(excess / 6)]
    return text
