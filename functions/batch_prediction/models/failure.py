"""Why a tuning or training job has no successor: published once, and kept for people and the sweep."""

from batch_prediction.aws import notify, objects
from batch_prediction.aws.clients import Clients
from batch_prediction.settings import Settings

SCHEMA = "digit-batch/failure/1"


def record(aws: Clients, settings: Settings, key: str, job: str, status: str, reason: str) -> None:
    """Notify people, then write the record, once; after a crash in between they are notified again."""
    if objects.exists(aws.s3, settings.bucket, key):
        return
    notify.notify(
        aws.sns,
        settings.notifications_topic_arn,
        f"{job}: {status}, no new model",
        f"{job} ended as {status}.\n\nReason: {reason}\n\n"
        f"No model was registered; batches are read by the newest approved model, as before.\n"
        f"Kept in s3://{settings.bucket}/{key}",
    )
    body = objects.to_json({"schema": SCHEMA, "job": job, "status": status, "reason": reason})
    objects.put_if_absent(aws.s3, settings.bucket, key, body)
