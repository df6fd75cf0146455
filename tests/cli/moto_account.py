"""A stack in an account of moto's, as the commands find it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cli import stack
from tests.settings_and_events import BUCKET, use_moto_account

GROUP = "digits"
SESSION = boto3.Session()  # one for all tests: each would read the services' models again
ROLE = "arn:aws:iam::123456789012:role/digits-SageMakerRole"
PARAMETERS = {
    "TrainingInstanceType": "ml.g4dn.xlarge",
    "TransformInstanceType": "ml.m5.large",
    "TransformPricePerHour": "0",
    "MaxTransformInstances": "4",
    "MaxImages": "1000000",
    "SpotTraining": "false",
    "Architecture": "x86_64",
    "NotificationEmail": "",
    "KmsKeyArn": "",
    "SubnetIds": "",
    "SecurityGroupIds": "",
}


@contextmanager
def versioned_bucket(patch: pytest.MonkeyPatch) -> Iterator[Any]:
    """S3 of an account with the stack, whose bucket keeps versions."""
    with empty_account(patch):
        deploy()
        s3 = boto3.client("s3")
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield s3


@contextmanager
def empty_account(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account, and no client of another one left."""
    use_moto_account(patch)
    patch.setattr(boto3, "DEFAULT_SESSION", SESSION)
    stack.client.cache_clear()
    with mock_aws():
        yield
    stack.client.cache_clear()


def deploy(**parameters: str) -> dict[str, str]:
    """Deploy the stack `digits` with bucket, group, topic and dead-letter queue; returns its outputs."""
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    boto3.client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
    outputs = {
        "BucketName": BUCKET,
        "ModelPackageGroupName": GROUP,
        "SageMakerRoleArn": ROLE,
        "NotificationsTopicArn": boto3.client("sns").create_topic(Name="notifications")["TopicArn"],
        "UploadDeadLettersUrl": boto3.client("sqs").create_queue(QueueName="letters")["QueueUrl"],
    }
    template = {
        "Parameters": {name: {"Type": "String", "Default": value} for name, value in PARAMETERS.items()},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    boto3.client("cloudformation").create_stack(
        StackName="digits",
        TemplateBody=json.dumps(template),
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in (PARAMETERS | parameters).items()
        ],
    )
    return outputs


@contextmanager
def deployed_stack() -> Iterator[None]:
    """The stack `digits`, with nothing in it."""
    with pytest.MonkeyPatch.context() as patch, empty_account(patch):
        deploy()
        yield
