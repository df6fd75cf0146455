"""A training job has ended: register its model."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from batch_prediction.aws.clients import clients
from batch_prediction.events import Event, TrainingEnded
from batch_prediction.layout import training_failure
from batch_prediction.models import failure, final_training, registration
from batch_prediction.runs.next_action import ENDED
from batch_prediction.settings import Settings

logger = Logger()


@logger.inject_lambda_context
def handler(event: Event, context: LambdaContext) -> None:  # noqa: ARG001 (Lambda gives it)
    """Take a `SageMaker Training Job State Change`; if the job didn't complete, publish why."""
    aws, settings = clients(), Settings.from_environment()
    job = aws.sagemaker.describe_training_job(TrainingJobName=TrainingEnded.from_event(event).job)
    name, status = job["TrainingJobName"], job["TrainingJobStatus"]
    if status not in ENDED:
        raise ValueError(f"training job {name}: expected one that has ended, found {status}")
    if final_training.lacked_capacity(job):
        logger.info("no capacity: the sweep has train_best_model try again", training_job=name)
        return
    if status != "Completed":
        reason = job.get("FailureReason") or f"the training job is {status}, and gives no reason"
        failure.record(aws, settings, training_failure(name), name, status, reason)
        logger.error("no model", training_job=name, status=status, reason=reason)
        return
    package = registration.register(aws, settings, job)
    logger.info("model registered", training_job=name, package=package)
