"""Files as objects: in parts, going on after an interruption, and told apart from what is there."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from cli.drop.sending import Content, Existing, existing, part_size, send
from tests.cli.moto_account import versioned_bucket
from tests.settings_and_events import BUCKET

PART = 5 * 1024 * 1024  # the least that S3 takes for a part but the last
BODY = np.random.default_rng(1).bytes(2 * PART + 1000)
KEY = "incoming/b.zip"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """S3 of an account with the stack, versions kept."""
    with versioned_bucket(monkeypatch) as client:
        yield client


def sent(s3: Any, body: bytes, parts: list[int] | None = None, stop: int | None = None) -> str:
    """Upload a body; `parts` notes which of its parts are sent, `stop` is one that is interrupted."""
    content, put = Content.of(io.BytesIO(body), PART), s3.upload_part

    def noted(**request: Any) -> Any:
        if request["PartNumber"] == stop:
            raise KeyboardInterrupt
        if parts is not None:
            parts.append(request["PartNumber"])
        return put(**request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(s3, "upload_part", noted)
        return send(s3, BUCKET, KEY, io.BytesIO(body), content, lambda _done, _of: None, PART)


@pytest.mark.parametrize("body", [b"", b"small", BODY])
def test_a_file_is_recognised_once_it_is_there(s3: Any, body: bytes) -> None:
    """By its bytes: another of the same size isn't it."""
    content = Content.of(io.BytesIO(body), PART)
    assert existing(s3, BUCKET, KEY, content) is None
    version = sent(s3, body)
    assert s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == body
    assert existing(s3, BUCKET, KEY, content) == Existing(version, same=True)
    other = Content.of(io.BytesIO(body[:-1] + b"!"), PART)
    assert existing(s3, BUCKET, KEY, other) == Existing(version, same=False)


def test_an_interrupted_upload_goes_on_with_the_parts_that_are_missing(s3: Any) -> None:
    """Ctrl-C before the third part: the next upload sends that one alone, and the object is whole."""
    with pytest.raises(KeyboardInterrupt):
        sent(s3, BODY, stop=3)
    parts: list[int] = []
    sent(s3, BODY, parts)
    assert parts == [3]
    assert s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == BODY


def test_parts_of_another_file_are_not_taken(s3: Any) -> None:
    """What another upload to the same key has left is neither used nor removed."""
    with pytest.raises(KeyboardInterrupt):
        sent(s3, b"!" + BODY[1:], stop=3)
    parts: list[int] = []
    sent(s3, BODY, parts)
    assert parts == [1, 2, 3]
    assert s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == BODY
    assert len(s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]) == 1


def test_with_a_key_of_kms_the_metadata_tells(s3: Any) -> None:
    """There ETags aren't MD5: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html."""
    content = Content.of(io.BytesIO(b"small"), PART)
    for digest, same in ((content.sha256, True), ("0" * 64, False)):
        answer = s3.put_object(
            Bucket=BUCKET, Key=KEY, Body=b"SMALL", ServerSideEncryption="aws:kms", Metadata={"sha256": digest}
        )
        assert existing(s3, BUCKET, KEY, content) == Existing(answer["VersionId"], same)


def test_a_huge_file_has_as_many_parts_as_s3_takes() -> None:
    """10,000 of them: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html."""
    size = 5 * 1024**4
    assert -(-size // part_size(size)) <= 10_000
    assert part_size(1) == 8 * 1024 * 1024
