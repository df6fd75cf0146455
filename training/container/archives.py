"""Images inside archives in S3: ranges of a zip or tar, and a .tar.gz unpacked once a worker.

A record says where its image is, as functions/batch_prediction/start/references.py wrote it: `range` are the
first byte and the end of what is fetched with its neighbours; `at` and `size` are the member's place and
size, in a zip with `packed`, `method` and `crc`; instead of a range, a .tar.gz has `unpacked`, the bytes of
it that matter. A record without a place is that of a member that the archive lacks.
"""

import gzip
import os
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any

MAX_MEMBER = 4 * 1024 * 1024  # bytes of an image, packed and unpacked
MAX_RANGE = MAX_MEMBER + 256 * 1024  # a zip's local header may take 128 KiB
MAX_UNPACKED = 2 * 1024**3
STORED, DEFLATED = 0, 8  # https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.4.5
DAMAGED = "damaged: the archive's bytes aren't those of this member; pack and upload it again"
_LOCAL_HEADER = 30  # bytes before the name, 4.3.7
_PIECE = 1024 * 1024


class MemberError(Exception):
    """Why a member of an archive can't be read."""


@dataclass(frozen=True)
class Place:
    """Where an image is: its archive's address and version, and the fields of its record."""

    source: str
    version: str
    at: int
    size: int
    packed: int
    method: int
    crc: int | None
    first: int
    end: int
    unpacked: int | None

    @property
    def together(self) -> tuple[str, str, int, int]:
        """What it has in common with the images that are read with it."""
        return self.source, self.version, self.first, self.end


def place_of(record: dict[str, Any]) -> Place:
    """Read the fields of a record that has `member`. Raises MemberError."""
    if "at" not in record:
        raise MemberError("missing")
    try:
        return _place(record)
    except (KeyError, TypeError, ValueError) as error:
        raise MemberError("not a record: expected the place of a member of an archive") from error


def _place(record: dict[str, Any]) -> Place:
    unpacked, size, crc = record.get("unpacked"), record["size"], record.get("crc")
    first, end = (0, 1) if unpacked is not None else record["range"]
    packed, method = record.get("packed", size), record.get("method", STORED)
    numbers = [record["at"], size, packed, method, first, end, *(n for n in (crc, unpacked) if n is not None)]
    whole = all(type(number) is int and number >= 0 for number in numbers)
    if not whole or first >= end or method not in (STORED, DEFLATED):
        raise ValueError(record)
    if max(size, packed) > MAX_MEMBER or end - first > MAX_RANGE or (unpacked or 0) > MAX_UNPACKED:
        raise MemberError(f"not an image: expected at most {MAX_MEMBER:,} bytes, packed and unpacked")
    texts = str(record["source-ref"]), str(record.get("version", ""))
    return Place(*texts, record["at"], size, packed, method, crc, first, end, unpacked)


def content(place: Place, data: bytes, begin: int) -> bytes:
    """The image in an archive's bytes from `begin` on. Raises MemberError for damaged ones.

    No more than its size is unpacked, whatever the bytes are.
    """
    at = place.at - begin
    if place.crc is None:
        found = data[at : at + place.size] if at >= 0 else b""
        if len(found) != place.size:
            raise MemberError(DAMAGED)
        return found
    header = data[at : at + _LOCAL_HEADER] if at >= 0 else b""
    if len(header) != _LOCAL_HEADER or not header.startswith(b"PK\x03\x04"):
        raise MemberError(DAMAGED)
    at += _LOCAL_HEADER + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    found = data[at : at + place.packed]
    if len(found) != place.packed:
        raise MemberError(DAMAGED)
    if place.method == DEFLATED:
        try:
            found = zlib.decompressobj(-15).decompress(found, place.size + 1)
        except zlib.error as error:
            raise MemberError(DAMAGED) from error
    if len(found) != place.size or zlib.crc32(found) != place.crc:
        raise MemberError(DAMAGED)
    return found


@dataclass
class Unpacked:
    """The .tar.gz that a worker read last, on its disk: all images of a job are in the same one."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    source: tuple[str, str] | None = None
    file: IO[bytes] | None = None

    def read(self, place: Place, fetch: Callable[[], Any]) -> bytes:
        """The member's bytes; `fetch` opens the archive if it isn't there yet. Raises what that raises.

        Of a damaged archive there is what comes before the damage; the rest is MemberError.
        """
        with self.lock:
            if self.source != (place.source, place.version) or self.file is None:
                self.source = None
                if self.file:
                    self.file.close()
                self.file = tempfile.TemporaryFile()  # noqa: SIM115 (it stays for the worker's next request)
                for piece in _pieces(fetch(), place.unpacked or 0):
                    self.file.write(piece)
                self.file.flush()
                self.source = place.source, place.version
            found = os.pread(self.file.fileno(), place.size, place.at)
        return content(place, found, place.at)


def _pieces(body: Any, most: int) -> Iterator[bytes]:
    """What a gzip stream unpacks to, up to so many bytes or its damage."""
    with gzip.GzipFile(fileobj=body, mode="rb") as stream:
        while most > 0:
            try:
                piece = stream.read1(min(most, _PIECE))  # read() would lose what comes before damage
            except (gzip.BadGzipFile, EOFError, zlib.error):
                return
            if not piece:
                return
            most -= len(piece)
            yield piece
