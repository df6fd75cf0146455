"""What each form's reader does with a line: a field's reference and label become a record, or a reason."""

import reprlib
from collections.abc import Callable, Mapping

from batch_prediction import labels
from batch_prediction.manifests.folder import Folder
from batch_prediction.manifests.records import NO_OTHERS, SHOWN, LeftOut, Record
from batch_prediction.manifests.text import MAX_LINE

TOO_LONG = f"expected a line of at most {MAX_LINE} bytes, found more: leave out what isn't needed"


def left_out(number: int, line: bytes, reason: str) -> LeftOut:
    """A line that can't be used."""
    return LeftOut.of(number, line.decode(errors="replace"), reason)


def record(
    number: int,
    line: bytes,
    folder: Folder,
    reference: object,
    label: object,
    others: Mapping[str, object] = NO_OTHERS,
    parse: Callable[[object], int] = labels.parse,
) -> Record | LeftOut:
    """The record of a line's reference and label, or None if it has none; an invalid label costs itself."""
    if type(reference) is not str:
        return left_out(number, line, f"expected the image's name as text, found {shown(reference)}")
    try:
        image = folder.resolve(reference)
    except ValueError as error:
        return left_out(number, line, str(error))
    if label is None:
        return Record(image, None, others)
    try:
        return Record(image, parse(label), others)
    except ValueError as error:
        bad = LeftOut.of(number, line.decode(errors="replace"), str(error), kind="label")
        return Record(image, None, others, bad)


def shown(value: object) -> str:
    """The beginning of a value; repr() itself fails on one that is nested deeper than Python's stack."""
    return reprlib.repr(value)[:SHOWN]
