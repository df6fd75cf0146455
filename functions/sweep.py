"""Every 15 minutes: ask for what lost events left undone."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from batch_prediction.aws.clients import clients
from batch_prediction.events import Event, SweepDue
from batch_prediction.settings import Settings
from batch_prediction.sweep import sweep

logger = Logger()


@logger.inject_lambda_context
def handler(event: Event, context: LambdaContext) -> None:
    """Request what is overdue at the event's time, within the time that the function has left."""
    due = SweepDue.from_event(event)
    for asked in sweep.sweep(
        clients(), Settings.from_environment(), due, lambda: context.get_remaining_time_in_millis() / 1000
    ):
        logger.warning("overdue", asked_for=asked)
