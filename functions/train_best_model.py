"""A tuning job has ended: train the final model with its best hyperparameters."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from batch_prediction.aws.clients import clients
from batch_prediction.events import Event, TuningEnded
from batch_prediction.models import final_training
from batch_prediction.settings import Settings

logger = Logger()


@logger.inject_lambda_context
def handler(event: Event, context: LambdaContext) -> None:  # noqa: ARG001 (Lambda gives it)
    """Take a `SageMaker HyperParameter Tuning Job State Change`; without a best trial, publish why."""
    job = TuningEnded.from_event(event).job
    outcome = final_training.start(clients(), Settings.from_environment(), job)
    logger.info("tuning job ended", tuning_job=job, outcome=outcome)
