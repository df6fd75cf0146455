"""A bucket and a registry in moto, in this program, for tests of the domain."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from moto import mock_aws

from batch_prediction.aws.clients import Clients
from batch_prediction.settings import Settings
from tests.functions.notifications import Published
from tests.settings_and_events import BUCKET, SETTINGS, use_moto_account


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """An account with a data bucket and a model package group."""
    use_moto_account(monkeypatch)
    with mock_aws():
        clients = Clients()
        clients.s3.create_bucket(Bucket=BUCKET)
        clients.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        clients.sagemaker.create_model_package_group(ModelPackageGroupName="digits")
        clients.sns.create_topic(Name="digits-notifications")  # that of SETTINGS
        yield clients


@pytest.fixture
def settings(aws: Clients) -> Settings:
    """The stack's settings, with queues that exist."""
    uploads, reports = (aws.sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("uploads", "reports"))
    return replace(SETTINGS, upload_queue_url=uploads, report_queue_url=reports)


@pytest.fixture
def published(aws: Clients, settings: Settings) -> Published:
    """What was published since the last call: the topic's messages, with Subject and Message."""
    url = aws.sqs.create_queue(QueueName="inbox")["QueueUrl"]
    arn = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.sns.subscribe(TopicArn=settings.notifications_topic_arn, Protocol="sqs", Endpoint=arn)

    def messages() -> list[dict[str, Any]]:
        taken = aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in taken:
            aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in taken]

    return messages
