"""A manifest has been uploaded: start its run."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from batch_prediction.aws import clients
from batch_prediction.events import ManifestUploaded
from batch_prediction.settings import Settings
from batch_prediction.start import start

logger = Logger()
processor = BatchProcessor(event_type=EventType.SQS)


def start_run(record: SQSRecord) -> None:
    """Start the run of one manifest version, or refuse it; safe to repeat."""
    upload = ManifestUploaded.from_sqs(record)
    run, decision = start(clients(), Settings.from_environment(), upload)
    logger.info("run decided", batch=run.batch, run=run.id, decision=decision)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Take SQS messages that hold `Object Created` events; those that fail are delivered again."""
    return process_partial_response(event, start_run, processor, context)
