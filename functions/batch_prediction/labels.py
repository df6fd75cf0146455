"""The labels, and the unit in which confidences are counted."""

import re
import reprlib

LABELS = tuple(range(10))
CONFIDENCE_UNIT = 10_000  # confidences are counted in ten-thousandths

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_BY_TEXT = (
    {str(label): label for label in LABELS}
    | {word: label for label, word in enumerate(_WORDS)}
    | {
        f"{label} - {word}": label for label, word in enumerate(_WORDS)
    }  # torchvision's names of MNIST's classes
)
# As pandas writes integers of a column with gaps, and lists of images (.lst) their classes.
_WHOLE = re.compile(r"([0-9])\.0*")
_NAMED = re.compile(r"(?:digit|class|number|label)[-_ ]?([0-9])")


def parse(value: object) -> int:
    """A digit from 0 to 9; ValueError otherwise.

    Given as a number, or as text: `7`, `7.0`, `seven`, `7 - seven`, `digit_7` (or `class_7`, `label 7`), in
    upper or lower case.
    """
    if type(value) is int and value in LABELS:  # `True` is an int too
        return value
    if type(value) is float and value in LABELS:
        return int(value)
    if isinstance(value, str):
        text = value.strip().lower()
        if (label := _BY_TEXT.get(text)) is not None:
            return label
        if found := _WHOLE.fullmatch(text) or _NAMED.fullmatch(text):
            return int(found[1])
    # repr() itself fails on a value that is nested deeper than Python's stack
    raise ValueError(f"label: expected a digit from 0 to 9, found {reprlib.repr(value)}")
