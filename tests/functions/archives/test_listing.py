"""An archive's kind, and its files."""

from typing import Any

import pytest

from batch_prediction.archives import listing
from batch_prediction.archives.member import unpack
from batch_prediction.archives.ranges import ArchiveError, ObjectVersion
from batch_prediction.aws.clients import Clients
from tests.functions.archives.packed import one_of_a_kind, tarred, usable, zipped
from tests.settings_and_events import BUCKET

FILES = {"a/7.png": b"seven" * 300, "b.png": b"b"}
KEY = "incoming/b7.zip"


def stored(aws: Clients, body: bytes) -> ObjectVersion:
    """An archive in S3."""
    version = aws.s3.put_object(Bucket=BUCKET, Key=KEY, Body=body)["VersionId"]
    return ObjectVersion(aws.s3, BUCKET, KEY, version)


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_the_kind_is_that_of_the_content(aws: Clients, kind: str) -> None:
    """Whatever the key ends with; the positions are those in the content."""
    archive = stored(aws, one_of_a_kind(kind, FILES))
    found, files = listing.listing(archive)
    members = usable(files)
    content = listing.content(archive, found)
    assert found == kind
    assert {each.name: b"".join(unpack(content, each)) for each in members} == FILES


@pytest.mark.parametrize(
    ("body", "kind"), [(zipped({}), "zip"), (tarred({}), "tar"), (tarred({}, "w:gz"), "tar.gz")]
)
def test_an_archive_of_nothing_is_one(aws: Clients, body: bytes, kind: str) -> None:
    """That there is nothing in it, others say."""
    found, files = listing.listing(stored(aws, body))
    assert (found, list(files)) == (kind, [])


def test_a_zip_behind_a_program_is_one(aws: Clients) -> None:
    """Archives that unpack themselves begin with a program."""
    found, files = listing.listing(stored(aws, b"MZ program" + zipped(FILES)))
    assert (found, [each.name for each in usable(files)]) == ("zip", list(FILES))


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", "found an empty file: upload it again"),
        (b"Rar!\x1a\x07\x01\x00" + bytes(600), "found a RAR archive: pack the images as .zip or .tar"),
        (b"7z\xbc\xaf\x27\x1c", "found a 7-Zip archive"),
        (b"BZh91AY", "found a bzip2 file"),
        (b"\x89PNG\r\n\x1a\n", "found a PNG image"),
        (b"hello", "found a file beginning b'hello'"),
    ],
)
def test_what_is_no_archive_is_named(aws: Clients, body: bytes, found: str) -> None:
    """The error says what was found, and what to do."""
    with pytest.raises(ArchiveError) as error:
        listing.listing(stored(aws, body))
    assert found in str(error.value)


def test_a_file_that_is_only_compressed_is_no_tar(aws: Clients) -> None:
    """It has no header in it."""
    _, files = listing.listing(stored(aws, one_of_a_kind("tar.gz", {})[:4] + bytes(0)))
    with pytest.raises(ArchiveError):
        list(files)


def test_the_size_of_a_compressed_tar_is_bounded(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the constant that the container follows, too."""
    monkeypatch.setattr(listing, "MAX_UNPACKED", 2000)
    _, files = listing.listing(stored(aws, tarred({"1.png": bytes(3000)}, "w:gz")))
    with pytest.raises(ArchiveError, match="at most 2,000 bytes unpacked"):
        list(files)


def test_listing_a_zip_reads_its_directory_alone(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the images: two requests at the end, one for the beginning."""
    asked: list[Any] = []
    aws.s3.meta.events.register(
        "provide-client-params.s3.GetObject", lambda params, **_: asked.append(params)
    )
    monkeypatch.setattr("batch_prediction.archives.ranges.BLOCK", 100_000)
    body = zipped({f"{number}.png": bytes(range(256)) * 40 for number in range(100)}, method=0)
    assert len(body) > 1_000_000
    assert len(usable(listing.listing(stored(aws, body)).files)) == 100
    assert len(asked) <= 3
