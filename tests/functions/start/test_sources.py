"""An upload as lines of the job's input."""

import pytest

from batch_prediction.aws.clients import Clients
from batch_prediction.manifests.records import LeftOut
from batch_prediction.start.sources import Line, Source, open_source
from tests.functions.archives.packed import PNG, zipped
from tests.settings_and_events import BUCKET

ADDRESS = f"s3://{BUCKET}/incoming/b7.zip"


def read(aws: Clients, key: str, body: bytes) -> tuple[Source, list[Line | LeftOut]]:
    """Upload, and read what was uploaded, though it has been replaced since."""
    version = aws.s3.put_object(Bucket=BUCKET, Key=key, Body=body)["VersionId"]
    aws.s3.put_object(Bucket=BUCKET, Key=key, Body=b"another")
    source = open_source(aws.s3, BUCKET, key, version, 100)
    return source, list(source.items())


def test_a_manifest_s_lines_are_objects(aws: Clients) -> None:
    """A request an image."""
    source, items = read(
        aws, "incoming/b7/manifest.jsonl", b'{"file_name": "1.png", "label": 7, "site": "a"}\nx'
    )
    image = f"s3://{BUCKET}/incoming/b7/1.png"
    assert items[0] == Line(image, {"source-ref": image}, 7, {"site": "a"})
    assert isinstance(items[1], LeftOut)
    assert (source.requests, source.how, list(source.slices.values)) == (
        None,
        "read as JSON Lines; images from `file_name`, labels from `label`",
        ["site"],
    )


def test_an_archive_s_lines_are_members_of_its_version(aws: Clients) -> None:
    """Each is called by the archive's address and its own name."""
    source, items = read(aws, "incoming/b7.zip", zipped({"a/7.png": PNG, "inner.zip": b"", "8.png": PNG}))
    assert isinstance(items[0], LeftOut)
    (first, second) = items[1:]
    assert isinstance(first, Line)
    assert isinstance(second, Line)
    assert (first.address, second.address) == (f"{ADDRESS}#a/7.png", f"{ADDRESS}#8.png")
    assert first.reference["source-ref"] == ADDRESS
    assert first.reference["member"] == "a/7.png"
    body = aws.s3.get_object(Bucket=BUCKET, Key="incoming/b7.zip", VersionId=first.reference["version"])
    assert body["Body"].read().startswith(b"PK")
    assert (source.requests, source.how) == (1, "read as a zip archive; without labels")


def test_what_says_nothing_of_itself_has_no_items() -> None:
    """The two kinds of uploads say what theirs are."""
    with pytest.raises(NotImplementedError):
        next(Source().items())


def test_another_key_is_an_error(aws: Clients) -> None:
    """The rule's patterns are wider than the names."""
    with pytest.raises(ValueError, match="expected incoming/<batch>/ and one of"):
        open_source(aws.s3, BUCKET, "incoming/x.rar", "v", 1)
