"""A run has ended: write its accuracy report."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from batch_prediction import report
from batch_prediction.aws import clients
from batch_prediction.events import RunEnded
from batch_prediction.settings import Settings

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:  # noqa: ARG001 (Lambda gives it)
    """Take one SQS message about an ended or refused run; SQS delivers it again after an error."""
    settings = Settings.from_environment()
    run = RunEnded.from_sqs(event, settings.bucket).run
    written = report.write(clients(), settings, run)
    logger.info("report written" if written else "nothing to report", batch=run.batch, run=run.id)
