"""The files of a tar, header by header: POSIX (pax), GNU and the oldest form.

https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html (ustar and pax interchange formats),
https://www.gnu.org/software/tar/manual/html_node/Standard.html.
"""

from collections.abc import Iterator

from batch_prediction.archives.member import Member, Unusable, checked, clean
from batch_prediction.archives.ranges import ArchiveError, Bytes

BLOCK = 512
_MAX_EXTENSION = 64 * 1024  # bytes of a long name, or of pax records
_AFTER_END = 1024 * 1024  # bytes looked at behind the end mark: programs fill up to a record's size
_FILES, _FOLDER, _LONG_NAME, _LONG_LINK = (b"0", b"\0", b"7"), b"5", b"L", b"K"
_PAX, _GLOBAL_PAX, _SPARSE = b"x", b"g", b"S"
_KINDS = {
    b"1": "a hard link: pack without it, or with --hard-dereference",
    b"2": "a link: pack the files that links point to, with --dereference",
    _SPARSE: "a sparse file: pack without --sparse",
}
_DAMAGED = "pack and upload it again"


def is_header(block: bytes) -> bool:
    """Whether a block has the checksum of a header: the sum of its bytes, with blanks for the sum itself."""
    if len(block) != BLOCK or not any(block):
        return False
    try:
        return _number(block[148:156]) == sum(block[:148]) + 8 * ord(" ") + sum(block[156:])
    except ValueError:
        return False


def files(archive: Bytes) -> Iterator[Member | Unusable]:
    """The files of a tar, folders left out; ArchiveError where a header is damaged or the end is missing."""
    at, extended = 0, dict[str, str]()
    while any(header := archive.read(at, BLOCK)):
        if not is_header(header):
            raise ArchiveError(f"expected a tar's header at byte {at:,}, found other bytes: {_DAMAGED}")
        kind, begin = header[156:157], at + BLOCK
        size = _size(header, extended)
        end = begin + size
        if kind in (_LONG_NAME, _LONG_LINK, _PAX, _GLOBAL_PAX):
            if size > _MAX_EXTENSION:
                raise ArchiveError(
                    f"expected at most {_MAX_EXTENSION:,} bytes of a name at byte {at:,}, found {size:,}"
                )
            body = archive.read(begin, size)
            if kind == _LONG_NAME:
                extended["path"] = _text(body.rstrip(b"\0"))
            elif kind == _PAX:
                extended |= _pax(body, at)
        else:
            item = _file(header, kind, begin, size, extended)
            extended = {}
            at = end + -size % BLOCK
            if size and len(archive.read(end - 1, 1)) == 0:
                raise ArchiveError(f"expected {size:,} bytes from {begin:,} on, found its end: {_DAMAGED}")
            if item:
                yield item
            continue
        at = end + -size % BLOCK
    if len(header) < BLOCK:
        raise ArchiveError(
            "expected a tar's end mark, found its end: it is truncated, or was still being written; "
            f"{_DAMAGED}"
        )
    if any(archive.read(at + BLOCK, _AFTER_END)):
        raise ArchiveError("expected nothing behind a tar's end mark, found more: pack the images as one tar")


def _file(
    header: bytes, kind: bytes, begin: int, size: int, extended: dict[str, str]
) -> Member | Unusable | None:
    """A header as a member, or why it isn't one; None for a folder."""
    name = clean(extended.get("path") or _ustar_name(header))
    if kind == _FOLDER or name.endswith("/") or name in ("", "."):
        return None
    if any(key.startswith("GNU.sparse.") for key in extended):
        kind = _SPARSE
    if kind not in _FILES:
        return Unusable(name, f"expected a file, found {_KINDS.get(kind, 'a device or the like')}")
    return checked(Member(name, begin, begin + size, size, size))


def _ustar_name(header: bytes) -> str:
    name, prefix = header[:100].split(b"\0")[0], header[345:500].split(b"\0")[0]
    posix = header[257:263] == b"ustar\0"  # GNU keeps times where POSIX has the prefix
    return _text(prefix + b"/" + name if posix and prefix else name)


def _text(raw: bytes) -> str:
    return raw.decode(errors="surrogateescape").encode(errors="replace").decode()


def _size(header: bytes, extended: dict[str, str]) -> int:
    """A member's size in bytes; that of its pax records goes before that of the header."""
    try:
        size = int(extended["size"]) if "size" in extended else _number(header[124:136])
    except ValueError:
        size = -1
    if not 0 <= size < 2**63:
        raise ArchiveError(f"expected a member's size in a tar's header, found none: {_DAMAGED}")
    return size


def _number(field: bytes) -> int:
    """A number in octal digits, or in binary behind a first bit that is set; ValueError for neither."""
    if field[0] & 0x80:
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    return int(field.split(b"\0")[0].strip() or b"0", 8)


def _pax(body: bytes, at: int) -> dict[str, str]:
    """The records of a pax header, `<length> <key>=<value>` and a line feed each."""
    records, position = dict[str, str](), 0
    while position < len(body):
        digits, blank, _ = body[position : position + 20].partition(b" ")
        length = int(digits) if blank and digits.isdigit() and len(digits) < 10 else 0
        record = body[position + len(digits) + 1 : position + length]
        key, equals, value = record.partition(b"=")
        if not equals or not record.endswith(b"\n") or position + length > len(body):
            raise ArchiveError(f"expected pax records at byte {at:,}, found other bytes: {_DAMAGED}")
        records[_text(key)] = _text(value[:-1])
        position += length
    return records
