"""The directory of a zip file, entry by entry, zip64 included.

https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT; the sections are named where they are followed.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from batch_prediction.archives.member import DEFLATED, STORED, Member, Unusable, checked, clean
from batch_prediction.archives.ranges import ArchiveError, Bytes

SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")  # of a file's local header, and of the end of an empty archive
_ENTRY = struct.Struct("<4s6H3L5H2L")  # 4.3.12
_END = struct.Struct("<4s4H2LH")  # 4.3.16
_END64 = struct.Struct("<4sQ2H2L4Q")  # 4.3.14
_LOCATOR = struct.Struct("<4sLQL")  # 4.3.15
_MAX_COMMENT = _MAX_EXTRA = 0xFFFF
_CHUNK = 1024 * 1024
_LOCAL = 30  # bytes of a local header before the name
_ENCRYPTED, _UTF8 = 0x1, 0x800  # general purpose bits: 4.4.4
_UNIX_KIND, _UNIX_LINK, _UNIX_FILE = 0o170000, 0o120000, 0o100000
_DAMAGED = "pack and upload it again"


class _Directory(NamedTuple):
    """Where the entries are, how many, and by how much all positions are shifted."""

    begin: int
    end: int
    entries: int
    shift: int


def has_directory(archive: Bytes, size: int) -> bool:
    """Whether a file ends as a zip does, whatever it begins with."""
    return _end(archive, size) is not None


def files(archive: Bytes, size: int) -> Iterator[Member | Unusable]:
    """The files of a zip of `size` bytes, folders left out; ArchiveError where its directory is damaged."""
    directory = _directory(archive, size)
    found = 0
    for found, (entry, name, extra) in enumerate(_entries(archive, directory), start=1):  # noqa: B007
        if item := _file(entry, name, extra, directory):
            yield item
    if found != directory.entries and found & 0xFFFF != directory.entries:  # 16 bits, without zip64
        raise ArchiveError(
            f"expected {directory.entries:,} entries in the zip's directory, found {found:,}: {_DAMAGED}"
        )


def _end(archive: Bytes, size: int) -> int | None:
    """Where the record of the directory's end is; the comment behind it ends the file."""
    begin = max(0, size - _END.size - _MAX_COMMENT)
    tail = archive.read(begin, size - begin)
    at = len(tail)
    while (at := tail.rfind(b"PK\x05\x06", 0, at)) >= 0:
        comment = int.from_bytes(tail[at + 20 : at + 22], "little")
        if at + _END.size + comment == len(tail):
            return begin + at
    return None


def _directory(archive: Bytes, size: int) -> _Directory:
    at = _end(archive, size)
    if at is None:
        raise ArchiveError(f"expected a zip's directory at its end, found none: it is truncated; {_DAMAGED}")
    _, disk, first_disk, here, entries, length, begin, _ = _END.unpack(archive.read(at, _END.size))
    if (disk, first_disk, here) != (0, 0, entries):
        raise ArchiveError("expected one zip file, found a part of several: pack the images as one")
    locator = archive.read(at - _LOCATOR.size, _LOCATOR.size)
    if len(locator) == _LOCATOR.size and locator.startswith(b"PK\x06\x07"):
        # Where bytes were put before the zip, the position is off, and the record just before the locator.
        for at64 in (_LOCATOR.unpack(locator)[2], at - _LOCATOR.size - _END64.size):
            record = archive.read(at64, _END64.size)
            if len(record) == _END64.size and record.startswith(b"PK\x06\x06"):
                at, (entries, length, begin) = at64, _END64.unpack(record)[7:]
                break
        else:
            raise ArchiveError(f"expected the end of a zip64 directory, found none: {_DAMAGED}")
    shift = at - length - begin
    if shift < 0:
        raise ArchiveError(f"expected a zip's directory of {length:,} bytes before its end: {_DAMAGED}")
    return _Directory(begin + shift, at, entries, shift)


def _entries(archive: Bytes, directory: _Directory) -> Iterator[tuple[tuple[int, ...], bytes, bytes]]:
    """Each entry's fields, name and extra field."""
    buffer, at, position = b"", 0, directory.begin
    while position < directory.end or at < len(buffer):
        if len(buffer) - at < _ENTRY.size + 3 * _MAX_EXTRA and position < directory.end:
            piece = archive.read(position, min(_CHUNK, directory.end - position))
            if not piece:
                break
            buffer, at, position = buffer[at:] + piece, 0, position + len(piece)
            continue
        if len(buffer) - at < _ENTRY.size or buffer[at : at + 4] != b"PK\x01\x02":
            break
        entry = _ENTRY.unpack_from(buffer, at)
        at += _ENTRY.size
        name_end, extra_end = at + entry[10], at + entry[10] + entry[11]
        if extra_end + entry[12] > len(buffer):
            break
        yield entry[1:], buffer[at:name_end], buffer[name_end:extra_end]
        at = extra_end + entry[12]
    if position < directory.end or at < len(buffer):
        raise ArchiveError(f"expected another entry in the zip's directory, found other bytes: {_DAMAGED}")


def _file(
    entry: tuple[int, ...], raw: bytes, extra: bytes, directory: _Directory
) -> Member | Unusable | None:
    """A directory's entry as a member, or why it isn't one; None for a folder."""
    _, _, flags, method, _, _, crc, packed, size, _, _, _, disk, _, attributes, at = entry
    name = clean(_name(raw, flags))
    if name.endswith("/") or not name:
        return None
    kind = attributes >> 16 & _UNIX_KIND
    if kind == _UNIX_LINK:
        return Unusable(name, "expected a file, found a link: pack the files that links point to")
    if kind not in (0, _UNIX_FILE):
        return Unusable(name, "expected a file, found a device or the like")
    if flags & _ENCRYPTED:
        return Unusable(name, "expected a member that isn't encrypted: pack it without a password")
    if method not in (STORED, DEFLATED):
        return Unusable(
            name, f"expected a member that is stored or deflated, found compression method {method}"
        )
    try:
        size, packed, at = _sizes64(extra, size, packed, at)
    except struct.error:
        return Unusable(name, "expected its zip64 sizes, found fewer bytes")
    at += directory.shift
    longest = _LOCAL + 2 * _MAX_EXTRA + packed
    if disk not in (0, 0xFFFF) or at + _LOCAL + packed > directory.begin:
        return Unusable(name, f"expected {packed:,} bytes before the zip's directory, found the directory")
    if method == STORED and packed != size:
        return Unusable(name, f"expected {size:,} bytes stored as they are, found {packed:,}")
    return checked(Member(name, at, min(at + longest, directory.begin), size, packed, method, crc))


def _name(raw: bytes, flags: int) -> str:
    """A name: UTF-8 if it says so or is so, as today's programs write it, else code page 437 (appendix D)."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode(errors="replace") if flags & _UTF8 else raw.decode("cp437")


def _sizes64(extra: bytes, *found: int) -> tuple[int, ...]:
    """The entry's size, packed size and position, those of its zip64 field where it has them (4.5.3)."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            field = extra[at + 4 : at + 4 + length]
            wide = iter(struct.unpack_from(f"<{found.count(0xFFFFFFFF)}Q", field))
            return tuple(next(wide) if value == 0xFFFFFFFF else value for value in found)
        at += 4 + length
    return found
