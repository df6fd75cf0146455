"""What is in an archive: its files one by one, each where it lies, and why one can't be used.

The archive's kind is told by its content. Nothing is unpacked: of a zip its directory is read, of a tar the
headers. Python's zipfile and tarfile hold all of an archive's members in memory, as large objects, and follow
sizes that an archive merely claims.
"""

from collections.abc import Iterator
from typing import NamedTuple

from batch_prediction.archives import tar_members, zip_members
from batch_prediction.archives.member import Member, Unusable
from batch_prediction.archives.ranges import ArchiveBytes, ArchiveError, Bytes

# A .tar.gz can only be read from its beginning: the functions do so as a stream, the container on its disk.
MAX_UNPACKED = 2 * 1024**3
_GZIP = b"\x1f\x8b"
_OTHERS = {
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
}


Item = Member | Unusable


class Listing(NamedTuple):
    """An archive's kind, `zip`, `tar` or `tar.gz`, and its files in their order."""

    kind: str
    files: Iterator[Item]


def listing(archive: ArchiveBytes) -> Listing:
    """List an archive; ArchiveError, perhaps only while the files are iterated over, if it can't be read."""
    kind = _kind(archive)
    if kind == "zip":
        return Listing(kind, zip_members.files(archive, archive.size))
    return Listing(kind, tar_members.files(content(archive, kind)))


def content(archive: ArchiveBytes, kind: str) -> Bytes:
    """The bytes that the positions of an archive's members are positions in."""
    return archive.unpacked(MAX_UNPACKED) if kind == "tar.gz" else archive


def _kind(archive: ArchiveBytes) -> str:
    if archive.size == 0:
        raise ArchiveError("expected a .zip, .tar or .tar.gz, found an empty file: upload it again")
    head = archive.read(0, tar_members.BLOCK)
    if head.startswith(_GZIP):
        return "tar.gz"
    if tar_members.is_header(head) or not any(head):
        return "tar"
    if head.startswith(zip_members.SIGNATURES) or zip_members.has_directory(archive, archive.size):
        return "zip"
    found = next((name for begin, name in _OTHERS.items() if head.startswith(begin)), None)
    raise ArchiveError(
        "expected a .zip, .tar or .tar.gz by its content, "
        f"found {found or f'a file beginning {head[:12]!r}'}: "
        "pack the images as .zip or .tar, and upload it whole"
    )
