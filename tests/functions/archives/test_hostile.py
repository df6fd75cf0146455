"""Archives made to harm: whatever their bytes are, they are read, refused, or an error record.

HOSTILE_ARCHIVES says how many are generated; docs/reliability.md names the command.
"""

import gzip
import io
import os
import random
import re
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest

import archives
from batch_prediction.archives.ranges import ArchiveError, ObjectVersion, Unpacked
from batch_prediction.layout import check_name
from batch_prediction.manifests.records import ManifestError
from batch_prediction.start import references
from batch_prediction.start.archive import Reading, read_archive
from batch_prediction.start.slice_fields import SliceFields
from tests.functions.archives.packed import PNG, Held, tarred, zipped

pytestmark = pytest.mark.filterwarnings("ignore:Duplicate name")  # zipfile's, when it packs two of one name
NUMBER = int(os.environ.get("HOSTILE_ARCHIVES", "400"))
MAX_IMAGES = 40
NAMES = (
    *("a.png", "b/7/c.png", "7/d.jpg", "../e.png", "/etc/passwd", "C:\\f.png", "a\\..\\g.png", "a//h.png"),
    *("i\0.png", "\x1b[31m.png", "n" * 1200 + ".png", "=1+1.png", "é数.png", "a.png", "./a.png", "con.png"),
    *("manifest.jsonl", "manifest.csv", "b/manifest.jsonl", "metadata.csv", "labels.csv", "__MACOSX/._a.png"),
    *("000.png", "000.cls", "000.json", "inner.zip", "x/inner.tar.gz", "folder/", ".", "..", "./", "README"),
)
BODIES = (
    *(b"", PNG, PNG * 40, b"7", b"seven", b"\xff" * 100, bytes(70_000), b"P" * 5_000, b'{"label": 7}'),
    b'{"file_name": "a.png", "label": 7}\n{"file_name": "../../x", "label": 99}\n{"source-ref": "s3://x/y"}',
    b"file_name,label\na.png,7\n/etc/passwd,1\n" + b"a.png,7\n" * 60,
    b'{"a":' * 2000,
)
NUMBERS = (0, 1, 7, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFFFFFE)


class Uploaded(Held, ObjectVersion):
    """An archive in memory, as an object's version; a read beyond it fails the test."""

    bucket, key, version = "digits-bucket", "incoming/b7.zip", "v"

    def read(self, at: int, size: int) -> bytes:
        """As ObjectVersion.read, in bounded pieces."""
        assert size <= 2 * 1024**2
        return super().read(at, size)

    def unpacked(self, most: int) -> Unpacked:
        """As ObjectVersion.unpacked, with less to wait for."""
        return Unpacked(gzip.GzipFile(fileobj=io.BytesIO(self.body)), min(most, 3_000_000))


def made(draw: random.Random) -> bytes:
    """An archive of hostile names and contents, perhaps with damage."""
    files = [(draw.choice(NAMES), draw.choice(BODIES)) for _ in range(draw.choice((0, 1, 3, 8)))]
    kind = draw.choice(("zip", "zip", "tar", "tar.gz"))
    if kind == "zip":
        body = zipped([(name.replace("\0", "\1"), body) for name, body in files], draw.choice((0, 8)))
    else:
        body = tarred(files, form=draw.choice((1, 2)))
    for _ in range(draw.choice((0, 1, 1, 2, 5))):
        body = draw.choice(DAMAGE)(draw, body)
    if kind == "tar.gz":
        body = gzip.compress(body)
        if draw.random() < 0.3:
            body = draw.choice(DAMAGE)(draw, body)
    return body


def _cut(draw: random.Random, body: bytes) -> bytes:
    begin, end = sorted(draw.randint(0, len(body)) for _ in range(2))
    return draw.choice((body[:begin], body[begin:], body[:begin] + body[end:]))


def _flip(draw: random.Random, body: bytes) -> bytes:
    changed = bytearray(body)
    for _ in range(draw.choice((1, 3, 20)) if body else 0):
        changed[draw.randrange(len(body))] = draw.choice((0, 0xFF, draw.randrange(256)))
    return bytes(changed)


def _number(draw: random.Random, body: bytes) -> bytes:
    """Set a field of a zip's entry, of its end, or of a tar's header, which is signed again."""
    marks = [match.start() for match in re.finditer(rb"PK\x01\x02|PK\x05\x06|PK\x03\x04|PK\x06\x06", body)]
    if marks:
        at, form = draw.choice(marks) + draw.randint(4, 44), draw.choice(("<H", "<L", "<Q"))
        number = struct.pack(form, draw.choice(NUMBERS) & (0xFFFF if form == "<H" else 0xFFFFFFFF))
        return body[:at] + number + body[at + len(number) :]
    if len(body) < 512:
        return body
    at = draw.randrange(len(body) // 512) * 512
    header = bytearray(body[at : at + 512])
    begin, end = draw.choice(((124, 136), (156, 157), (0, 100), (345, 500), (257, 265)))
    header[begin:end] = draw.choice((b"7" * 500, b"\x80" + b"\xff" * 500, b"0LKxgS12345" * 50, b"\0" * 500))[
        : end - begin
    ]
    if begin == 156:
        header[156:157] = draw.choice((b"L", b"K", b"x", b"g", b"S", b"1", b"2", b"3", b"5", b"7", b"Z"))
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return body[:at] + bytes(header) + body[at + 512 :]


def _repeat(draw: random.Random, body: bytes) -> bytes:
    begin, end = sorted(draw.randint(0, len(body)) for _ in range(2))
    return body[:end] + body[begin:end] * draw.choice((1, 2, 50)) + body[end:]


DAMAGE: tuple[Callable[[random.Random, bytes], bytes], ...] = (_cut, _flip, _number, _number, _repeat)


def outcome(body: bytes) -> Reading | None:
    """What start_transform makes of an archive: None if it refuses it. No other exception leaves it."""
    with suppress(ArchiveError, ManifestError):
        return read_archive(Uploaded(body), MAX_IMAGES, SliceFields().take)
    return None


def content_of(record: references.Reference, body: bytes) -> int | None:
    """How many bytes the container makes of a record; None for an error record."""
    try:
        place = archives.place_of(record)
        if place.unpacked is not None:
            return len(archives.Unpacked().read(place, lambda: io.BytesIO(body)))
        assert 0 <= place.first < place.end <= len(body)
        return len(archives.content(place, body[place.first : place.end], place.first))
    except archives.MemberError:
        return None


def test_any_archive_is_read_refused_or_an_error_record() -> None:
    """No other exception, no name that leads elsewhere, no byte outside it, and no image above its size."""
    read = refused = images = errors = 0
    for seed in range(NUMBER):
        body = made(random.Random(seed))  # noqa: S311 (no secret)
        found = outcome(body)
        refused += found is None
        if found is None:
            continue
        read += 1
        assert len(found.images) <= 3 * MAX_IMAGES, seed
        places = references.of_members([image.member for image in found.images], found.kind)
        for image, (place, _) in zip(found.images, places, strict=True):
            check_name(image.name)
            record = {
                "source-ref": "s3://digits-bucket/incoming/b7.zip",
                "version": "v",
                "member": image.name,
            }
            size = content_of(record | place, body)
            assert size is None or size <= archives.MAX_MEMBER, seed
            images, errors = images + (size is not None), errors + (size is None)
    print(f"{NUMBER:,} archives: {read:,} read, {refused:,} refused; {images:,} images, {errors:,} errors")
    assert min(read, refused, images, errors) >= NUMBER // 50


def test_overlapping_members_are_no_bomb() -> None:
    """A quine of a zip, whose members are all the same bytes, costs what its members may have, and no more.

    https://www.bamsoftware.com/hacks/zipbomb/
    """
    packer = zlib.compressobj(9, wbits=-15)
    packed = packer.compress(bytes(4_000_000)) + packer.flush()
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 8, 0, 0, 0, 0, 0, 5, 0) + b"1.png"
    crc = zlib.crc32(bytes(4_000_000))
    entries = b"".join(
        struct.pack(
            "<4s6H3L5H2L",
            *(b"PK\x01\x02", 20, 20, 0, 8, 0, 0, crc, len(packed), 4_000_000),
            *(9, 0, 0, 0, 0, 0, 0),
        )
        + b"%04d0.png" % number
        for number in range(100)
    )
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 100, 100, len(entries), len(local) + len(packed), 0)
    found = read_archive(Uploaded(local + packed + entries + end), MAX_IMAGES, SliceFields().take)
    assert found.images == []
    assert {"expected at most 100 times" in item.reason for item in found.left_out} == {True}
