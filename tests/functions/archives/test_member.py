"""A member's content, and its bounds."""

import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

import pytest

from batch_prediction.archives import member as members
from batch_prediction.archives import zip_members
from batch_prediction.archives.member import InMemory, Member, too_large, unpack
from batch_prediction.archives.ranges import ArchiveError
from tests.functions.archives.packed import Held, usable, zipped


def only(body: bytes) -> Member:
    """The member of a zip of one."""
    (found,) = usable(zip_members.files(Held(body), len(body)))
    return found


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 50_000])
def test_a_member_of_any_size_is_unpacked_in_pieces(
    monkeypatch: pytest.MonkeyPatch, method: int, size: int
) -> None:
    """No piece is larger than what is read at once."""
    monkeypatch.setattr(members, "_PIECE", 1000)
    content = bytes(number * number % 251 for number in range(size))
    body = zipped({"1.png": content}, method)
    pieces = list(unpack(Held(body), only(body)))
    assert b"".join(pieces) == content
    assert max(map(len, pieces), default=0) <= 1000


def test_zeros_are_unpacked_no_further_than_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that unpack to more than the directory says are damaged, and a thousandfold stays in zlib."""
    monkeypatch.setattr(members, "_PIECE", 1000)
    body = zipped({"1.png": bytes(10_000_000)})
    found = only(body)._replace(size=2500)
    pieces = list[bytes]()
    with pytest.raises(ArchiveError, match=r"1\.png: expected 2,500 bytes, found damaged ones"):
        pieces.extend(unpack(Held(body), found))
    assert sum(map(len, pieces)) == 2501


@pytest.mark.parametrize(
    "change", [{"crc": 1}, {"size": 99}, {"size": 101}, {"packed": 5}, {"at": 1}, {"at": 10**9}]
)
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_member_whose_bytes_are_not_its_own_is_damaged(change: dict[str, Any], method: int) -> None:
    """By its checksum, its sizes, or its local header."""
    body = zipped({"1.png": b"0123456789" * 10}, method)
    with pytest.raises(ArchiveError, match="damaged"):
        list(unpack(Held(body), only(body)._replace(**change)))


def test_a_deflated_member_may_be_no_deflate_stream() -> None:
    """Any bytes may be there."""
    body = zipped({"1.png": b"\xff" * 40}, zipfile.ZIP_STORED)
    found = only(body)._replace(method=members.DEFLATED)
    with pytest.raises(ArchiveError, match="damaged"):
        list(unpack(Held(body), found))


def test_a_member_without_a_checksum_is_bytes_of_its_size() -> None:
    """A tar's: fewer are damaged."""
    found = Member("1.png", 2, 5, 3, 3)
    assert b"".join(unpack(Held(b"xxabcyy"), found)) == b"abc"
    with pytest.raises(ArchiveError, match="damaged"):
        list(unpack(Held(b"xxab"), found))


def test_bytes_that_have_been_read_are_found_by_their_position() -> None:
    """As in the whole archive."""
    body = zipped({"1.png": b"abc"})
    assert b"".join(unpack(InMemory(0, body), only(body))) == b"abc"
    assert b"".join(unpack(InMemory(100, body), only(body)._replace(at=100))) == b"abc"


@dataclass
class Sizes:
    """Sizes, and whether they are too large."""

    size: int
    packed: int
    reason: str | None


@pytest.mark.parametrize(
    "sizes",
    [
        Sizes(4 * 1024**2, 4 * 1024**2, None),
        Sizes(4 * 1024**2 + 1, 10, "expected at most 4,194,304 bytes, packed and unpacked, found 4,194,305"),
        Sizes(10, 4 * 1024**2 + 1, "expected at most 4,194,304 bytes, packed and unpacked, found 4,194,305"),
        Sizes(65_536, 1, None),
        Sizes(100_000, 1000, None),
        Sizes(
            100_001, 1000, "expected at most 100 times the 1,000 bytes that it is packed in, found 100,001"
        ),
    ],
)
def test_an_image_has_bounds_of_size_and_ratio(sizes: Sizes) -> None:
    """Small ones may be of one colour."""
    found = Member("1.png", 0, 0, sizes.size, sizes.packed, members.DEFLATED, zlib.crc32(b""))
    assert too_large(found) == sizes.reason
