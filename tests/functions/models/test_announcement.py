"""A registered model is announced: once, to people, and in the bucket."""

import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import Stubber

from batch_prediction.aws import objects
from batch_prediction.aws.clients import Clients
from batch_prediction.models import announcement
from batch_prediction.models.registry import ModelPackage
from batch_prediction.settings import Settings
from tests.functions.notifications import Published
from tests.settings_and_events import BUCKET

KEY = "models/digits-1/package.json"
PACKAGE = ModelPackage("arn:1", "Approved", "digits-1", None, None, "Trained by digits-1. Approved: good")


def versions(aws: Clients) -> list[Any]:
    """Every version of the record."""
    found: list[Any] = aws.s3.list_object_versions(Bucket=BUCKET, Prefix=KEY).get("Versions", [])
    return found


def test_a_package_is_announced_and_recorded_once(
    aws: Clients, settings: Settings, published: Published
) -> None:
    """A second delivery sends no message and writes no version; the record names the package."""
    for _delivery in range(2):
        announcement.announce(aws, settings, "digits-1", PACKAGE)
    (message,) = published()
    assert message["Subject"] == "digits-1: model approved"
    assert message["Message"] == (
        "The model of digits-1 is registered in the group digits.\n\narn:1\n"
        "Trained by digits-1. Approved: good"
    )
    assert len(versions(aws)) == 1
    record = json.loads(aws.s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read())
    assert record == {"schema": "digit-batch/package/1", "training_job": "digits-1", "package": "arn:1"}


@pytest.mark.parametrize(
    ("status", "words"),
    [("PendingManualApproval", "waits for your approval"), ("Rejected", "Rejected")],
)
def test_a_message_says_how_the_package_stands(
    aws: Clients, settings: Settings, published: Published, status: str, words: str
) -> None:
    """A person may have rejected it before the delivery that announces it."""
    announcement.announce(aws, settings, "digits-1", replace(PACKAGE, status=status))
    (message,) = published()
    assert message["Subject"] == f"digits-1: model {words}"


def test_a_message_that_cannot_be_sent_leaves_no_record(aws: Clients, settings: Settings) -> None:
    """The event is delivered again: people are notified twice rather than never."""
    with Stubber(aws.sns) as stub:
        stub.add_client_error("publish", "InternalError")
        with pytest.raises(aws.sns.exceptions.ClientError, match="InternalError"):
            announcement.announce(aws, settings, "digits-1", PACKAGE)
    assert versions(aws) == []


def test_the_first_of_two_records_stays(
    aws: Clients, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delivery that looked before the other one wrote loses the conditional write, which is no error."""
    announcement.announce(aws, settings, "digits-1", PACKAGE)
    monkeypatch.setattr(objects, "exists", lambda *_place: False)
    announcement.announce(aws, settings, "digits-1", replace(PACKAGE, arn="arn:2"))
    assert len(versions(aws)) == 1
