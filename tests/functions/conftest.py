"""A bucket and a registry in moto, in this program, for tests of the domain."""

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest
from moto import mock_aws

from batch_prediction.aws import Clients
from batch_prediction.settings import Settings
from tests.samples import BUCKET, SETTINGS


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """An account with a data bucket and a model package group; the shell's settings are set aside."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        clients = Clients()
        clients.s3.create_bucket(Bucket=BUCKET)
        clients.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        clients.sagemaker.create_model_package_group(ModelPackageGroupName="digits")
        yield clients


@pytest.fixture
def settings(aws: Clients) -> Settings:
    """The stack's settings, with a report queue that exists."""
    queue = aws.sqs.create_queue(QueueName="reports")["QueueUrl"]
    return replace(SETTINGS, report_queue_url=queue)
