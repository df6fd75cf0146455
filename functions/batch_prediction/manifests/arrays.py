"""A JSON array, item by item, in memory bounded by a chunk and an item."""

import re
from collections.abc import Iterable, Iterator

from batch_prediction.manifests import text

_TOKEN = re.compile(rb'["\\{}\[\],]')
_IN_TEXT = re.compile(rb'["\\]')
_OPENING, _CLOSING = b"{[", b"}]"
CUT_OFF = b"(the array ends without a bracket)"


def items(body: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The items of an array, counted from 1, each as its own bytes, whether they are JSON or not.

    Of an item above MAX_LINE, one byte more than that comes out. What stands behind the array, or is missing
    at its end, is an item that is no object.
    """
    number, depth = 1, 0
    in_text = escaped = False
    piece = b""
    for chunk in body:
        start = at = 0
        while at < len(chunk):
            if escaped:
                escaped, at = False, at + 1
                continue
            token = (_IN_TEXT if in_text else _TOKEN).search(chunk, at)
            if token is None:
                break
            at, sign = token.end(), token.group()
            if sign == b"\\":
                escaped = in_text
            elif sign == b'"':
                in_text = not in_text
            elif sign in _OPENING:
                depth += 1
                if depth == 1 and number == 1 and not (piece + chunk[start : token.start()]).strip():
                    start, piece = at, b""
            elif sign in _CLOSING or depth == 1:
                depth = max(0, depth - (sign in _CLOSING))
                if depth == (sign == b","):
                    if item := _bounded(piece + chunk[start : token.start()]):
                        yield number, item
                        number += 1
                    start, piece = at, b""
        piece = (piece + chunk[start:]).lstrip()[: text.MAX_LINE + 1]
    if piece:
        yield number, _bounded(piece)
    elif depth:
        yield number, CUT_OFF


def _bounded(item: bytes) -> bytes:
    """An item without blanks around it; one that is too long stays so: nobody saw how it ends."""
    item = item.lstrip()[: text.MAX_LINE + 1]
    return item if len(item) > text.MAX_LINE else item.rstrip()
