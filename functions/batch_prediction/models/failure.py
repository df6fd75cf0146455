"""Why a tuning or training job has no successor: published once, and kept for people and the sweep."""

from batch_prediction.aws import notify
from batch_prediction.aws.clients import Clients
from batch_prediction.settings import Settings

SCHEMA = "digit-batch/failure/1"


def record(aws: Clients, settings: Settings, key: str, job: str, status: str, reason: str) -> None:
    """Notify people, then write the record, once; after a crash in between they are notified again."""
    notify.notify_once(
        aws,
        settings,
        key,
        {"schema": SCHEMA, "job": job, "status": status, "reason": reason},
        f"{job}: {status}, no new model",
        f"{job} ended as {status}.\n\nReason: {reason}\n\n"
        f"No model was registered; batches are read by the newest approved model, as before.\n"
        f"Kept in s3://{settings.bucket}/{key}",
    )
