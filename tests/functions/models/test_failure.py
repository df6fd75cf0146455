"""A job without a successor: it is published once, and the reason is kept."""

import json
from typing import Any

import pytest
from botocore.stub import Stubber

from batch_prediction.aws import objects
from batch_prediction.aws.clients import Clients
from batch_prediction.models import failure
from batch_prediction.settings import Settings
from tests.functions.notifications import Published
from tests.settings_and_events import BUCKET

KEY = "models/digits-1/failure.json"
FAILURE = (KEY, "digits-1", "Failed", "AlgorithmError: the data are gone")


def versions(aws: Clients) -> list[Any]:
    """Every version of the record."""
    found: list[Any] = aws.s3.list_object_versions(Bucket=BUCKET, Prefix=KEY).get("Versions", [])
    return found


def test_a_failure_is_published_and_recorded_once(
    aws: Clients, settings: Settings, published: Published
) -> None:
    """A second delivery sends no message and writes no version."""
    assert not objects.exists(aws.s3, BUCKET, KEY)
    for _delivery in range(2):
        failure.record(aws, settings, *FAILURE)
    assert objects.exists(aws.s3, BUCKET, KEY)
    (message,) = published()
    assert message["Subject"] == "digits-1: Failed, no new model"
    assert "Reason: AlgorithmError: the data are gone" in message["Message"]
    assert f"s3://{BUCKET}/{KEY}" in message["Message"]
    assert len(versions(aws)) == 1
    record = json.loads(aws.s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read())
    assert record == {
        "schema": "digit-batch/failure/1",
        "job": "digits-1",
        "status": "Failed",
        "reason": "AlgorithmError: the data are gone",
    }


def test_a_message_that_cannot_be_sent_leaves_no_record(aws: Clients, settings: Settings) -> None:
    """The event is delivered again: people are notified twice rather than never."""
    with Stubber(aws.sns) as stub:
        stub.add_client_error("publish", "InternalError")
        with pytest.raises(aws.sns.exceptions.ClientError, match="InternalError"):
            failure.record(aws, settings, *FAILURE)
    assert versions(aws) == []


def test_the_first_of_two_records_stays(
    aws: Clients, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delivery that looked before the other one wrote loses the conditional write, which is no error."""
    failure.record(aws, settings, *FAILURE)
    monkeypatch.setattr(objects, "exists", lambda *_place: False)
    failure.record(aws, settings, KEY, "digits-1", "Stopped", "another reason")
    assert len(versions(aws)) == 1
    assert json.loads(aws.s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read())["status"] == "Failed"


def test_a_record_that_cannot_be_written_is_an_error(aws: Clients, settings: Settings) -> None:
    """Only a lost conditional write is a success: everything else is delivered again."""
    with Stubber(aws.s3) as stub:
        stub.add_client_error("head_object", "404", http_status_code=404)
        stub.add_client_error("put_object", "AccessDenied", http_status_code=403)
        with pytest.raises(aws.s3.exceptions.ClientError, match="AccessDenied"):
            failure.record(aws, settings, *FAILURE)
