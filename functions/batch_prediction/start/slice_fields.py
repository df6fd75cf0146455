"""Which other fields of a manifest divide its batch into slices: `writer`, `scanner`, `site`.

A pure function of the lines in their order, in bounded memory. Looked at are the first sixteen other fields;
the first eight of them that have a short text or number divide the batch, as long as they have fifty values
at most.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_FIELDS, MAX_VALUES = 8, 50
MAX_LENGTH = 64  # characters of a field's name, and of a value
_LOOKED_AT = 16  # fields
# What Ground Truth adds to a label: https://docs.aws.amazon.com/sagemaker/latest/dg/sms-data-output.html
_METADATA = "-metadata"


@dataclass
class SliceFields:
    """The values of each field so far; `left_out` are other fields, each with the reason."""

    values: dict[str, set[str]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def take(self, others: Mapping[str, object]) -> dict[str, str]:
        """What divides the batch of a line's other fields, with values as text; null is no value."""
        taken: dict[str, str] = {}
        for full, value in others.items():
            name = full if len(full) <= MAX_LENGTH else f"{full[:MAX_LENGTH]}…"
            known = self.values.get(name)
            if (
                name.endswith(_METADATA)
                or value is None
                or name in self.left_out
                or (known is None and self._full)
            ):
                continue
            text = _text(value)
            if reason := self._obstacle(name, known, text):
                self.values.pop(name, None)
                self.left_out[name] = reason
            elif text:
                taken[name] = text
                self.values.setdefault(name, set()).add(text)
        return taken

    @property
    def _full(self) -> bool:
        return len(self.values) + len(self.left_out) == _LOOKED_AT

    def _obstacle(self, name: str, known: set[str] | None, text: str | None) -> str | None:
        """Why a field with this value doesn't divide the batch."""
        if text is None:
            return "a value is neither text nor a number"
        if max(len(name), len(text)) > MAX_LENGTH:
            return f"its name or a value is longer than {MAX_LENGTH} characters"
        if known is None:
            return f"it came after {MAX_FIELDS} others" if len(self.values) >= MAX_FIELDS else None
        return f"more than {MAX_VALUES} values" if len(known) == MAX_VALUES and text not in known else None


def _text(value: object) -> str | None:
    """A value as text; None for a list or an object."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None
