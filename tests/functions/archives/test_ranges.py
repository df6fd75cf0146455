"""Bytes of an object version by their position."""

import gzip
import io
from typing import Any

import pytest

from batch_prediction.archives import ranges
from batch_prediction.archives.ranges import ArchiveError, ObjectVersion, Unpacked
from batch_prediction.aws.clients import Clients
from tests.settings_and_events import BUCKET

KEY = "incoming/b7.zip"
BODY = bytes(range(250)) * 4


def stored(aws: Clients, body: bytes = BODY) -> tuple[ObjectVersion, list[str]]:
    """An object that has been replaced since, and the ranges that are asked for."""
    version = aws.s3.put_object(Bucket=BUCKET, Key=KEY, Body=body)["VersionId"]
    aws.s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"another")
    asked: list[str] = []

    def note(params: dict[str, Any], **_: object) -> None:
        assert params["VersionId"] == version
        asked.append(params.get("Range", "whole"))

    aws.s3.meta.events.register("provide-client-params.s3.GetObject", note)
    return ObjectVersion(aws.s3, BUCKET, KEY, version), asked


def test_any_range_is_that_of_the_version(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """Across blocks, up to the end, and nothing beyond it: S3 refuses ranges that begin there."""
    monkeypatch.setattr(ranges, "BLOCK", 100)
    found, asked = stored(aws)
    assert found.size == 1000
    for at, size in (
        (0, 10),
        (95, 10),
        (90, 350),
        (999, 1),
        (990, 50),
        (1000, 5),
        (5000, 5),
        (-5, 3),
        (7, 0),
    ):
        assert found.read(at, size) == (BODY[at : at + size] if at >= 0 else b"")
    assert all(0 <= int(one.rpartition("-")[2]) < 1000 for one in asked)


def test_a_block_is_fetched_once_while_it_is_kept(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small reads one after the other cost a request a block; the last four blocks are kept."""
    monkeypatch.setattr(ranges, "BLOCK", 100)
    found, asked = stored(aws)
    assert b"".join(found.read(at, 7) for at in range(0, 1000, 7)) == BODY
    assert len(asked) == 10
    found.read(650, 300)
    assert len(asked) == 10
    found.read(0, 1)
    found.read(650, 1)
    assert asked[10:] == ["bytes=0-99", "bytes=600-699"]


def test_an_object_unpacked_by_gzip_is_read_forwards(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one request, in pieces, whatever is skipped."""
    monkeypatch.setattr(ranges, "_SKIPPED", 64)
    found, asked = stored(aws, gzip.compress(BODY))
    unpacked = found.unpacked(1000)
    assert unpacked.read(0, 300) == BODY[:300]
    assert unpacked.read(555, 5) == BODY[555:560]
    assert unpacked.read(990, 50) == BODY[990:]
    assert unpacked.read(2000, 5) == b""
    assert asked == ["whole"]
    with pytest.raises(ValueError, match="expected a position from 1000 on, found 3"):
        unpacked.read(3, 1)


def unpacked_from(packed: bytes, most: int) -> Unpacked:
    """A gzip stream in memory."""
    return Unpacked(gzip.GzipFile(fileobj=io.BytesIO(packed)), most)


def test_a_stream_is_unpacked_up_to_its_bound() -> None:
    """The error names the bound and what to do; memory isn't needed for it."""
    bomb = gzip.compress(bytes(50_000_000))
    assert unpacked_from(bomb, 50_000_000).read(49_999_999, 10) == b"\0"
    with pytest.raises(
        ArchiveError, match=r"at most 1,000 bytes unpacked .* pack the images as \.zip or \.tar"
    ):
        unpacked_from(bomb, 1000).read(49_999_999, 10)


@pytest.mark.parametrize(
    "packed",
    [gzip.compress(BODY)[:-9], gzip.compress(BODY)[:-3], b"\x1f\x8b" + bytes(50), gzip.compress(BODY) + b"x"],
)
def test_a_damaged_stream_is_an_error_that_says_so(packed: bytes) -> None:
    """Truncated, no stream at all, or with something behind it."""
    with pytest.raises(ArchiveError, match="expected a whole gzip stream, found a damaged one"):
        unpacked_from(packed, 10_000).read(0, 2000)


def test_flipped_bits_are_an_error() -> None:
    """Of the stream, or of its checksum."""
    packed = bytearray(gzip.compress(BODY))
    for at in (12, 20, len(packed) - 6):
        changed = bytes(packed[:at]) + bytes([packed[at] ^ 0xFF]) + bytes(packed[at + 1 :])
        with pytest.raises(ArchiveError):
            unpacked_from(changed, 10_000).read(0, 2000)
