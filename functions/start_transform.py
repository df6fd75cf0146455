"""A manifest has been uploaded: start its run."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from batch_prediction.aws import queues
from batch_prediction.aws.clients import clients
from batch_prediction.events import Event, Message, start_request
from batch_prediction.settings import Settings
from batch_prediction.start import waiting
from batch_prediction.start.run import Decided, start_run
from batch_prediction.start.waiting import StillWaiting, WaitTimes

logger = Logger()


@logger.inject_lambda_context
def handler(event: Event, context: LambdaContext) -> None:  # noqa: ARG001 (Lambda gives it)
    """Take one SQS message that holds an `Object Created` event; SQS delivers it again after an error."""
    aws, settings, message = clients(), Settings.from_environment(), Message.of(event)
    with queues.shorten_visibility_on_error(aws.sqs, settings.upload_queue_url, message):
        match start_run(aws, settings, start_request(message), WaitTimes.of(message)):
            case StillWaiting() as still:
                waiting.show(aws.sqs, settings, message, still)
                seconds = waiting.send_again(aws.sqs, settings, message, still)
                if not still.glanced:  # nothing new
                    logger.info(
                        f"waiting for {still.cause}: {still.reason}",
                        batch=still.run.batch if still.run else None,
                        next_look_in_seconds=seconds,
                    )
            case Decided(run, decision):
                waiting.show_job(aws.sqs, settings, message, run)
                logger.info("run decided", batch=run.batch, run=run.id, decision=decision)
