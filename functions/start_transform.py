"""A manifest has been uploaded: start its run."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from batch_prediction.aws import clients
from batch_prediction.events import ManifestUploaded
from batch_prediction.settings import Settings
from batch_prediction.start import start

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:  # noqa: ARG001 (Lambda gives it)
    """Take one SQS message that holds an `Object Created` event; SQS delivers it again after an error."""
    upload = ManifestUploaded.from_sqs(event)
    run, decision = start(clients(), Settings.from_environment(), upload)
    logger.info("run decided", batch=run.batch, run=run.id, decision=decision)
