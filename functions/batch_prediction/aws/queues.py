"""Messages in the stack's queues: sending them, and having them delivered again soon after an error.

Lambda asks for a visibility timeout of six times the function's own, and leaves a message whose function
failed invisible for the rest of it: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import orjson
from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from batch_prediction.events import Message

if TYPE_CHECKING:
    from batch_prediction.aws.types import SQSClient

REDELIVERY_SECONDS = (30, 120, 480, 900)  # until the second, third, fourth and fifth delivery
logger = Logger()


def send(sqs: "SQSClient", queue_url: str, content: Mapping[str, object], delay_seconds: int = 0) -> None:
    """Send a JSON message, to be delivered after a delay of at most 900 seconds."""
    body = orjson.dumps(content).decode()
    sqs.send_message(QueueUrl=queue_url, MessageBody=body, DelaySeconds=delay_seconds)


@contextmanager
def shorten_visibility_on_error(sqs: "SQSClient", queue_url: str, message: Message) -> Iterator[None]:
    """Pass an error on, and let the message come back after a pause that grows with its deliveries."""
    try:
        yield
    except Exception:
        pause = REDELIVERY_SECONDS[min(message.deliveries, len(REDELIVERY_SECONDS)) - 1]
        try:
            sqs.change_message_visibility(
                QueueUrl=queue_url, ReceiptHandle=message.receipt, VisibilityTimeout=pause
            )
        except (BotoCoreError, ClientError) as error:  # then it comes back later; the first error counts
            logger.warning("message comes back late", reason=str(error))
        raise
