"""JSON objects in S3, and the conditions under which they are written."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from batch_prediction.aws import objects
from batch_prediction.aws.clients import Clients
from tests.settings_and_events import BUCKET

PAUSES: list[float] = []  # slept while another write is under way
KEY = "runs/b7/20261122t154022z-1a2b3c4d/run.json"


@pytest.fixture
def conflicts(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let S3 answer the next writes with these statuses, in place of writing."""
    monkeypatch.setattr("time.sleep", PAUSES.append)
    PAUSES.clear()
    statuses: list[int] = []

    def answer(**_request: Any) -> Any:
        if not statuses:
            return None
        status = statuses.pop(0)
        error = {
            "Error": {"Code": str(status), "Message": ""},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }
        return AWSResponse("", status, HTTPHeaders(), None), error

    events: Any = aws.s3.meta.events
    events.register("before-call.s3.PutObject", answer)
    return lambda *given: statuses.extend(given)


def replace(aws: Clients, body: bytes, etag: str | None) -> str | None:
    """Write the object in place of the version with this ETag."""
    return objects.put_if_unchanged(aws.s3, {"Bucket": BUCKET, "Key": KEY, "Body": body}, etag)


@pytest.mark.parametrize(
    "write",
    [
        lambda s3: objects.put_json(s3, BUCKET, KEY, {"a": [1]}),
        lambda s3: objects.put_if_absent(s3, BUCKET, KEY, objects.to_json({"a": [1]})),
    ],
)
def test_what_is_written_opens_as_json_that_people_read(aws: Clients, write: Callable[[Any], None]) -> None:
    """A browser shows it by its type; each value is on a line of its own."""
    write(aws.s3)
    found = aws.s3.get_object(Bucket=BUCKET, Key=KEY)
    assert found["ContentType"] == "application/json"
    assert found["Body"].read() == b'{\n  "a": [\n    1\n  ]\n}'


def test_bytes_are_read_as_they_are(aws: Clients) -> None:
    """None where there is no object: an empty one is empty."""
    assert objects.read_bytes(aws.s3, BUCKET, KEY) is None
    aws.s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"")
    assert objects.read_bytes(aws.s3, BUCKET, KEY) == b""


def versions(aws: Clients) -> int:
    """How often the object has been written."""
    return len(aws.s3.list_object_versions(Bucket=BUCKET, Prefix=KEY).get("Versions", []))


def test_an_object_is_read_with_the_etag_of_its_version(aws: Clients) -> None:
    """What isn't there is None; what is, comes with what a conditional write needs."""
    assert objects.read_json(aws.s3, BUCKET, KEY) is None
    written = aws.s3.put_object(Bucket=BUCKET, Key=KEY, Body=b'{"decision": "start"}')
    assert objects.read_json(aws.s3, BUCKET, KEY) == ({"decision": "start"}, written["ETag"])


def test_a_missing_object_is_distinguished_from_a_denied_one(aws: Clients) -> None:
    """A missing object is False; a refusal is an error, never an answer."""
    assert not objects.exists(aws.s3, BUCKET, KEY)
    aws.s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"{}")
    assert objects.exists(aws.s3, BUCKET, KEY)
    with Stubber(aws.s3) as stub:
        stub.add_client_error("head_object", "403", http_status_code=403)
        with pytest.raises(ClientError, match="403"):
            objects.exists(aws.s3, BUCKET, KEY)


def test_the_first_writer_of_an_object_wins(aws: Clients) -> None:
    """A later writer gets False, and the object keeps its one version."""
    assert objects.put_if_absent(aws.s3, BUCKET, KEY, b"1")
    assert not objects.put_if_absent(aws.s3, BUCKET, KEY, b"2")
    assert versions(aws) == 1


def test_a_conflicting_first_write_is_repeated(aws: Clients, conflicts: Callable[..., None]) -> None:
    """S3 answers 409 while another conditional write is under way: the object is written after that."""
    conflicts(409, 409, 409, 409)
    assert objects.put_if_absent(aws.s3, BUCKET, KEY, b"1")
    assert versions(aws) == 1
    assert PAUSES == [0.1, 0.2, 0.4, 0.8]


@pytest.mark.parametrize("statuses", [(409,) * 5, (403,)])
def test_a_first_write_that_cannot_succeed_is_an_error(
    aws: Clients, conflicts: Callable[..., None], statuses: tuple[int, ...]
) -> None:
    """After four pauses, or when S3 refuses for another reason; nothing is written."""
    conflicts(*statuses)
    with pytest.raises(ClientError):
        objects.put_if_absent(aws.s3, BUCKET, KEY, b"1")
    assert versions(aws) == 0


def test_only_the_version_that_was_read_is_replaced(aws: Clients) -> None:
    """The new version's ETag is the condition of the next write; a write with an old one changes nothing."""
    first = replace(aws, b"1", None)
    second = replace(aws, b"2", first)
    assert first
    assert second
    assert first != second
    for outdated in (None, first):
        assert replace(aws, b"3", outdated) is None
    assert objects.read_json(aws.s3, BUCKET, KEY) == (2, second)


def test_a_replacement_that_is_refused_is_an_error(aws: Clients, conflicts: Callable[..., None]) -> None:
    """Denied isn't overtaken: nobody else wrote, and the caller mustn't go on."""
    conflicts(403)
    with pytest.raises(ClientError, match="403"):
        replace(aws, b"1", "etag")


@pytest.mark.parametrize("status", [404, 409, 412])
def test_a_faster_writer_is_no_error(aws: Clients, conflicts: Callable[..., None], status: int) -> None:
    """Replaced, being replaced, or deleted meanwhile: the caller reads the object again."""
    conflicts(status)
    assert replace(aws, b"1", "etag") is None


def test_another_schema_is_an_error_that_names_the_object_and_the_remedy() -> None:
    """What was expected, what was found, and what to do."""
    objects.check_schema(BUCKET, KEY, {"schema": "digit-batch/run/1"}, "digit-batch/run/1", "unused")
    with pytest.raises(ValueError, match=f"s3://{BUCKET}/{KEY}: expected the schema a/1, found 'b/2'.*do it"):
        objects.check_schema(BUCKET, KEY, {"schema": "b/2"}, "a/1", "do it again")
