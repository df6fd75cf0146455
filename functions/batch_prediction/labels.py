"""The labels, and the unit in which confidences are counted."""

import reprlib

LABELS = tuple(range(10))
CONFIDENCE_UNIT = 10_000  # confidences are counted in ten-thousandths

_BY_TEXT = {str(label): label for label in LABELS}


def parse(value: object) -> int:
    """A digit from 0 to 9, given as an integer or as its one character; ValueError otherwise."""
    if type(value) is int and value in LABELS:  # `True` is an int too
        return value
    if isinstance(value, str) and value.strip() in _BY_TEXT:
        return _BY_TEXT[value.strip()]
    # repr() itself fails on a value that is nested deeper than Python's stack
    raise ValueError(f"label: expected a digit from 0 to 9, found {reprlib.repr(value)}")
