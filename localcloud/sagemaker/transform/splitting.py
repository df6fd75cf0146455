"""How batch transform cuts an input object into requests.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html and
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformInput.html
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from localcloud.sagemaker.errors import ObjectFailed


@dataclass(frozen=True)
class Record:
    """One record of an input object: as the object has it, and as it is sent to the model."""

    original: bytes
    sent: bytes


def lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield an object's lines without their newlines; after the last newline comes no empty line."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest:
        yield rest


def pack(records: Iterable[Record], limit: int | None, *, many: bool) -> Iterator[list[Record]]:
    """Yield the records of one request after another, in order.

    `limit` is the most bytes of a request's body, in which each record counts with its newline; None is no
    limit. With `many` (BatchStrategy MultiRecord) a request takes as many records as fit, else one.
    Raise ObjectFailed for a record that alone is too large.
    """
    request: list[Record] = []
    size = 0
    for number, record in enumerate(records, start=1):
        length = len(record.sent) + 1
        if limit is not None and length > limit:
            raise ObjectFailed(
                f"record {number} has {length} bytes, more than MaxPayloadInMB allows ({limit})"
            )
        if request and (not many or (limit is not None and size + length > limit)):
            yield request
            request, size = [], 0
        request.append(record)
        size += length
    if request:
        yield request
