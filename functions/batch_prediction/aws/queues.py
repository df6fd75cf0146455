"""After an error a message comes back soon, not only after its queue's visibility time-out.

Lambda asks for a visibility time-out of six times the function's own, and leaves a message whose function
failed invisible for the rest of it: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from batch_prediction.events import Message

SECONDS = (30, 120, 480, 900)  # until the second, third, fourth and fifth delivery
logger = Logger()


@contextmanager
def soon(sqs: Any, queue_url: str, message: Message) -> Iterator[None]:
    """Pass an error on, and let the message come back after a pause that grows with its deliveries."""
    try:
        yield
    except Exception:
        pause = SECONDS[min(message.deliveries, len(SECONDS)) - 1]
        try:
            sqs.change_message_visibility(
                QueueUrl=queue_url, ReceiptHandle=message.receipt, VisibilityTimeout=pause
            )
        except (BotoCoreError, ClientError) as error:  # then it comes back later; the first error counts
            logger.warning("message comes back late", reason=str(error))
        raise
