"""The functions' AWS clients. `clients()` is the one seam that a simulator replaces."""

from functools import cache, cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from batch_prediction.aws.types import LambdaClient, S3Client, SageMakerClient, SNSClient, SQSClient

# Adaptive retries slow down when S3 or SageMaker throttles; SQS delivers the rest again.
CONFIG = Config(retries={"mode": "adaptive", "total_max_attempts": 5}, connect_timeout=5, read_timeout=60)


class Clients:
    """One boto3 client a service, made when first used: a cold start pays only for what it calls."""

    @cached_property
    def s3(self) -> "S3Client":
        """S3: manifests, runs, reports."""
        return boto3.client("s3", config=CONFIG)

    @cached_property
    def sagemaker(self) -> "SageMakerClient":
        """SageMaker: the registry and its jobs."""
        return boto3.client("sagemaker", config=CONFIG)

    @cached_property
    def sqs(self) -> "SQSClient":
        """SQS: the queues of start_transform and write_report."""
        return boto3.client("sqs", config=CONFIG)

    @cached_property
    def lambda_(self) -> "LambdaClient":
        """Lambda: the functions that the sweep invokes."""
        return boto3.client("lambda", config=CONFIG)

    @cached_property
    def sns(self) -> "SNSClient":
        """SNS: the topic that notifies people."""
        return boto3.client("sns", config=CONFIG)


@cache
def clients() -> Clients:
    """The clients of this worker, kept from one invocation to the next."""
    return Clients()
