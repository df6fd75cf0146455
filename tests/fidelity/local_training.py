"""Training in the local cloud, as the command line requests it."""

from typing import Any

from tests.localcloud.sagemaker.sagemaker_account import BUCKET, IMAGE, ROLE, Account, unique
from training import jobs, source


def start_training(account: Account, **hyperparameters: str) -> Any:
    """Run train.py in a training job of the local cloud, as `digits` requests it; return its description."""
    job = jobs.TrainingJob(
        name=unique("training"),
        bucket=BUCKET,
        role=ROLE,
        image=IMAGE,
        source=source.upload(account.s3, BUCKET),
        channels={name: f"s3://{BUCKET}/datasets/{name}/" for name in ("training", "test")},
        hyperparameters=hyperparameters,
        instance_type="ml.m5.large",
    )
    account.sagemaker.create_training_job(**jobs.request(job))
    return account.ended_training(job.name)
