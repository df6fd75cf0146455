"""Objects whose generation never falls, whoever writes last."""

import io
from collections.abc import Callable
from typing import IO, Any

import pytest
from botocore.stub import Stubber

from batch_prediction.aws import generations
from batch_prediction.aws.clients import Clients
from tests.settings_and_events import BUCKET

KEY = "reports/b7/20261122t154022z-1a2b3c4d/report.html"
REQUEST: Any = {"Bucket": BUCKET, "Key": KEY, "ContentType": "text/html"}


def put(aws: Clients, body: bytes | IO[bytes], generation: int) -> bool:
    """Write the object."""
    return generations.put(aws.s3, REQUEST, body, generation)


def content(aws: Clients) -> bytes:
    """What a reader finds."""
    answer = aws.s3.get_object(Bucket=BUCKET, Key=KEY)
    assert answer["ContentType"] == "text/html"
    return answer["Body"].read()


def test_a_generation_is_replaced_by_itself_and_by_later_ones(aws: Clients) -> None:
    """The first write, a repetition and a later generation are written."""
    for generation, body in ((0, b"0"), (0, b"0 again"), (1, b"1"), (10, b"10")):
        assert put(aws, body, generation)
        assert content(aws) == body


def test_an_earlier_generation_writes_nothing(aws: Clients) -> None:
    """Numbers are compared, not their texts; the later generation's object keeps its one version."""
    assert put(aws, b"10", 10)
    for generation in (0, 9):
        assert not put(aws, b"late", generation)
    assert content(aws) == b"10"
    assert len(aws.s3.list_object_versions(Bucket=BUCKET, Prefix=KEY)["Versions"]) == 1


def test_an_object_without_a_generation_is_the_earliest(aws: Clients) -> None:
    """An earlier version of this stack wrote none: its object is replaced."""
    aws.s3.put_object(**REQUEST, Body=b"old")
    assert put(aws, b"new", 0)
    assert content(aws) == b"new"


def overtaken(aws: Clients, monkeypatch: pytest.MonkeyPatch, by: Callable[[], object]) -> None:
    """Let something happen between the first look at an object and what follows."""
    look = aws.s3.head_object
    waiting = [by]

    def head_object(**request: Any) -> Any:
        try:
            return look(**request)
        finally:
            if waiting:
                waiting.pop()()

    monkeypatch.setattr(aws.s3, "head_object", head_object)


@pytest.mark.parametrize("existing", [None, 0])
def test_who_is_overtaken_by_a_later_generation_writes_nothing(
    aws: Clients, monkeypatch: pytest.MonkeyPatch, existing: int | None
) -> None:
    """It was written after the look, before the write: where there was no object, and where there was one."""
    if existing is not None:
        put(aws, b"first", existing)
    overtaken(aws, monkeypatch, lambda: put(aws, b"later", 2))
    assert not put(aws, b"late", 1)
    assert content(aws) == b"later"


def test_who_is_overtaken_by_an_earlier_generation_writes_all_of_a_file(
    aws: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second write begins at the file's beginning."""
    overtaken(aws, monkeypatch, lambda: put(aws, b"earlier", 1))
    assert put(aws, io.BytesIO(b"the whole table"), 2)
    assert content(aws) == b"the whole table"


def test_an_object_that_never_rests_is_an_error_that_names_it(aws: Clients) -> None:
    """After its attempts the writer gives the message back to the queue."""
    with Stubber(aws.s3) as stub:
        for _ in range(10):
            stub.add_response("head_object", {"ETag": '"1"', "Metadata": {"generation": "1"}})
            stub.add_client_error("put_object", "PreconditionFailed", http_status_code=412)
        with pytest.raises(RuntimeError, match=f"{KEY}: expected to write it in 10 attempts"):
            put(aws, b"1", 1)
        stub.assert_no_pending_responses()


def test_a_denied_look_is_an_error(aws: Clients) -> None:
    """A refusal isn't taken for an object that doesn't exist: nothing is written."""
    with Stubber(aws.s3) as stub:
        stub.add_client_error("head_object", "403", http_status_code=403)
        with pytest.raises(aws.s3.exceptions.ClientError, match="403"):
            put(aws, b"1", 1)
