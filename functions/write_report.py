"""A run has ended: write its accuracy report."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from batch_prediction import report
from batch_prediction.aws import clients
from batch_prediction.events import RunEnded
from batch_prediction.settings import Settings

logger = Logger()
processor = BatchProcessor(event_type=EventType.SQS)


def report_run(record: SQSRecord) -> None:
    """Write one run's report, if it has ended and has none; safe to repeat."""
    settings = Settings.from_environment()
    run = RunEnded.from_sqs(record, settings.bucket).run
    written = report.write(clients(), settings, run)
    logger.info("report written" if written else "nothing to report", batch=run.batch, run=run.id)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Take SQS messages about ended or refused runs; those that fail are delivered again."""
    return process_partial_response(event, report_run, processor, context)
