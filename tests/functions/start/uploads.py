"""Manifests as a person uploads them, and what starting a run leaves behind."""

import json
from datetime import UTC, datetime
from typing import Any

from batch_prediction.aws.clients import Clients
from batch_prediction.events import ManifestUploaded
from batch_prediction.layout import Run
from batch_prediction.runs import transform_job
from batch_prediction.runs.decision import Start
from batch_prediction.settings import Settings
from tests.settings_and_events import BUCKET, SETTINGS

KEY = "incoming/b7/manifest.jsonl"
RUN = Run("b7", "20261122t154022z-1a2b3c4d")


def upload(aws: Clients, lines: list[str], key: str = KEY) -> ManifestUploaded:
    """Upload a manifest as a person would."""
    answer = aws.s3.put_object(Bucket=BUCKET, Key=key, Body="\n".join(lines).encode())
    return ManifestUploaded(BUCKET, key, answer["VersionId"])


def image(number: int, label: int | None = None) -> str:
    """A line of a manifest."""
    return json.dumps({"file_name": f"{number}.png"} | ({} if label is None else {"label": label}))


def content(aws: Clients, prefix: str = "runs/") -> dict[str, bytes]:
    """All objects below a prefix."""
    listed = aws.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    return {
        entry["Key"]: aws.s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read() for entry in listed
    }


def sent(aws: Clients, settings: Settings) -> list[dict[str, Any]]:
    """The messages in the report's queue."""
    answer = aws.sqs.receive_message(QueueUrl=settings.report_queue_url, MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


DECISION = Start(
    lines=1,
    labelled=1,
    left_out=0,
    model_package="arn:aws:sagemaker:us-east-1:123456789012:model-package/digits/1",
    training_job="digits-1",
    artifact_sha256="0" * 64,
    model="digits-0123456789ab",
    role=SETTINGS.sagemaker_role_arn,
    environment=transform_job.environment(SETTINGS),
    transform_job=transform_job.job_name(SETTINGS, RUN),
    instance_type="ml.m5.large",
    instance_count=1,
)


def model_of(package: str) -> Any:
    """DescribeModel's answer."""
    return {
        "ModelName": DECISION.model,
        "ModelArn": "arn:aws:sagemaker:us-east-1:123456789012:model/digits-0123456789ab",
        "ExecutionRoleArn": SETTINGS.sagemaker_role_arn,
        "PrimaryContainer": {"ModelPackageName": package, "Environment": transform_job.environment(SETTINGS)},
        "CreationTime": datetime(2026, 11, 22, tzinfo=UTC),
    }


def job_writing_to(prefix: str) -> Any:
    """DescribeTransformJob's answer, with a field more than we sent."""
    request = transform_job.job_request(BUCKET, RUN, DECISION)
    return {
        **request,
        "TransformOutput": request["TransformOutput"] | {"S3OutputPath": prefix, "KmsKeyId": ""},
        "TransformJobArn": "arn:aws:sagemaker:us-east-1:123456789012:transform-job/" + DECISION.transform_job,
        "TransformJobStatus": "InProgress",
        "CreationTime": datetime(2026, 11, 22, tzinfo=UTC),
    }
