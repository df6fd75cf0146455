"""A registered model is announced: people are notified once there is a package, and a record says so."""

from batch_prediction.aws import notify
from batch_prediction.aws.clients import Clients
from batch_prediction.layout import training_package
from batch_prediction.models.registry import ModelPackage
from batch_prediction.settings import Settings

SCHEMA = "digit-batch/package/1"
_WORDS = {"Approved": "approved", "PendingManualApproval": "waits for your approval"}


def announce(aws: Clients, settings: Settings, training_job: str, package: ModelPackage) -> None:
    """Notify people, then write the record, once; after a crash in between they are notified again.

    Until there is the record the sweep asks for the model of this training job.
    """
    notify.notify_once(
        aws,
        settings,
        training_package(training_job),
        {"schema": SCHEMA, "training_job": training_job, "package": package.arn},
        f"{training_job}: model {_WORDS.get(package.status, package.status)}",
        f"The model of {training_job} is registered in the group {settings.name}.\n\n"
        f"{package.arn}\n{package.description}",
    )
