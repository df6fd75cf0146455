"""Why a tuning or training job has no successor: told once, and kept where people and the sweep find it."""

from typing import Any

import orjson
from botocore.exceptions import ClientError

from batch_prediction.aws import notify
from batch_prediction.aws.clients import Clients
from batch_prediction.settings import Settings

SCHEMA = "digit-batch/failure/1"


def exists(s3: Any, bucket: str, key: str) -> bool:
    """Whether a failure has been recorded."""
    try:
        s3.get_object(Bucket=bucket, Key=key)["Body"].close()
    except s3.exceptions.NoSuchKey:
        return False
    return True


def record(aws: Clients, settings: Settings, key: str, job: str, status: str, reason: str) -> None:
    """Tell people, then write the record, once: a crash between tells them twice rather than never."""
    if exists(aws.s3, settings.bucket, key):
        return
    notify.tell(
        aws.sns,
        settings.notifications_topic_arn,
        f"{job}: {status}, no new model",
        f"{job} ended as {status}.\n\nReason: {reason}\n\n"
        f"No model was registered; batches are read by the newest approved model, as before.\n"
        f"Kept in s3://{settings.bucket}/{key}",
    )
    body = orjson.dumps(
        {"schema": SCHEMA, "job": job, "status": status, "reason": reason}, option=orjson.OPT_INDENT_2
    )
    try:
        aws.s3.put_object(
            Bucket=settings.bucket, Key=key, Body=body, IfNoneMatch="*", ContentType="application/json"
        )
    except ClientError as error:  # 412: another delivery wrote it
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 412:
            raise
