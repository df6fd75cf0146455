"""One file of an archive, by what the archive says of it: where it lies, or why it can't be used."""

import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from batch_prediction.archives.ranges import ArchiveError, Bytes
from batch_prediction.layout import check_name

MAX_SIZE = 4 * 1024 * 1024  # bytes of an image, as of a loose one: training/container/inference.py
STORED, DEFLATED = 0, 8  # the two of https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.4.5
# Images hardly compress; what unpacks to a hundred times its size is made to fill a disk.
MAX_RATIO = 100
_PIECE = 1024 * 1024  # bytes at once
_RATIO_FROM = 64 * 1024  # bytes: below that, an image of one colour may well compress so


class Member(NamedTuple):
    """A file: `name` as in the archive without `./`, its bytes from `at` to `end` of the archive.

    Those of a zip's member begin with its local header, which has a length of its own; `packed` bytes follow,
    compressed by `method`. Those of a tar's member are its content.
    """

    name: str
    at: int
    end: int
    size: int  # bytes unpacked
    packed: int
    method: int = STORED
    crc: int | None = None  # of the unpacked bytes; None in a tar, which has none


class Unusable(NamedTuple):
    """A file that can't be used, and why."""

    name: str
    reason: str


def clean(name: str) -> str:
    """A member's name without the `./` that tar puts before names."""
    while name.startswith("./"):
        name = name[2:]
    return name


def checked(member: Member) -> Member | Unusable:
    """The member, or why its name can't be accepted: it would lead elsewhere, wherever it is unpacked."""
    try:
        check_name(member.name)
    except ValueError as error:
        return Unusable(member.name, str(error))
    return member


def too_large(member: Member) -> str | None:
    """Why an image is too large, or suspiciously well packed; None if it is neither."""
    if (found := max(member.size, member.packed)) > MAX_SIZE:
        return f"expected at most {MAX_SIZE:,} bytes, packed and unpacked, found {found:,}"
    if member.size > _RATIO_FROM and member.size > MAX_RATIO * member.packed:
        return (
            f"expected at most {MAX_RATIO} times the {member.packed:,} bytes that it is packed in, "
            f"found {member.size:,}"
        )
    return None


class InMemory:
    """Bytes of an archive that have been read, by their position in it."""

    def __init__(self, begin: int, data: bytes) -> None:
        self._begin, self._data = begin, data

    def read(self, at: int, size: int) -> bytes:
        """`size` bytes from position `at`; fewer only where they end."""
        return self._data[at - self._begin : at - self._begin + size]


def unpack(archive: Bytes, member: Member) -> Iterator[bytes]:
    """A member's content, piece by piece; ArchiveError, after the pieces, where its bytes are damaged.

    Never more than the member's size is unpacked, whatever its bytes are.
    """
    damaged = ArchiveError(
        f"{member.name}: expected {member.size:,} bytes, found damaged ones: pack it again"
    )
    if member.crc is None:
        yield from _stored(archive, member.at, member.size, damaged)
        return
    header = archive.read(member.at, 30)
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise damaged
    begin = member.at + 30 + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    packed = _stored(archive, begin, member.packed, damaged)
    size = crc = 0
    for piece in _inflated(packed, member.size, damaged) if member.method == DEFLATED else packed:
        size, crc = size + len(piece), zlib.crc32(piece, crc)
        yield piece
    if (size, crc) != (member.size, member.crc):
        raise damaged


def _stored(archive: Bytes, at: int, size: int, damaged: ArchiveError) -> Iterator[bytes]:
    while size > 0:
        piece = archive.read(at, min(size, _PIECE))
        if not piece:
            raise damaged
        yield piece
        at, size = at + len(piece), size - len(piece)


def _inflated(packed: Iterable[bytes], size: int, damaged: ArchiveError) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(-15)
    for more in packed:
        data, full = more, True
        while (data or full) and size >= 0:
            most = min(size + 1, _PIECE)
            try:
                piece = unpacker.decompress(data, most)
            except zlib.error as error:
                raise damaged from error
            data, full, size = unpacker.unconsumed_tail, len(piece) == most, size - len(piece)
            yield piece
    if size < 0 or not unpacker.eof:
        raise damaged
