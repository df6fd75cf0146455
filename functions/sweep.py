"""Every 15 minutes: ask for what lost events left undone."""

from datetime import datetime

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from batch_prediction import sweep
from batch_prediction.aws.clients import clients
from batch_prediction.events import Event
from batch_prediction.settings import Settings

logger = Logger()


@logger.inject_lambda_context
def handler(event: Event, context: LambdaContext) -> None:  # noqa: ARG001 (Lambda gives it)
    """Take a `Scheduled Event` of aws.events; its `time` is the time that the sweep goes by."""
    for asked in sweep.sweep(clients(), Settings.from_environment(), datetime.fromisoformat(event["time"])):
        logger.warning("overdue", asked_for=asked)
