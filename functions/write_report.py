"""A run has ended: write its accuracy report; or it waits: show for what."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from batch_prediction.aws import queues
from batch_prediction.aws.clients import clients
from batch_prediction.events import Event, Message, RunEnded, RunWaits, report_request
from batch_prediction.report import notice
from batch_prediction.report.write import write_report
from batch_prediction.settings import Settings

logger = Logger()


@logger.inject_lambda_context
def handler(event: Event, context: LambdaContext) -> None:  # noqa: ARG001 (Lambda gives it)
    """Take one SQS message about an ended or refused run; SQS delivers it again after an error."""
    aws, settings, message = clients(), Settings.from_environment(), Message.of(event)
    with queues.shorten_visibility_on_error(aws.sqs, settings.report_queue_url, message):
        request = report_request(message, settings.bucket)
        run = request.run
        match request:
            case RunWaits():
                shown = notice.show(aws.s3, settings.bucket, request)
                logger.info("notice shown" if shown else "run has a report", batch=run.batch, run=run.id)
            case RunEnded():
                written = write_report(aws, settings, run)
                logger.info("report written" if written else "nothing to report", batch=run.batch, run=run.id)
