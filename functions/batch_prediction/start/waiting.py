"""Waiting is not failing: the same message is sent again with a delay, and keeps since when it waits.

Lambda stops a function that keeps sending to its own queue after about 16 rounds, unless its RecursiveLoop is
Allow: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

import math
from dataclasses import dataclass
from typing import Any

import orjson
from botocore.exceptions import ClientError

from batch_prediction.aws import metrics
from batch_prediction.events import Message
from batch_prediction.settings import Settings

IMAGES, CAPACITY = "images", "capacity"  # what a run waits for
_NEXT = "next"  # when the message is due again
_LATE = 7200  # seconds; a crash keeps it for the queue's visibility time-out, an hour (template.yaml)
_SHORTEST, _LONGEST = 30, 900  # seconds; SQS delays no message for longer
_BUSY = {  # of https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html, and S3's
    "ResourceLimitExceeded",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}


class NotYet(Exception):  # noqa: N818 (nothing has failed)
    """A run can't be started yet; it waits for images, or for capacity."""

    def __init__(self, cause: str, reason: str) -> None:
        super().__init__(f"waiting for {cause}: {reason}")
        self.cause = cause


@dataclass(frozen=True)
class Waited:
    """How long a message has waited for each cause, in seconds."""

    images: float = 0.0
    capacity: float = 0.0

    @classmethod
    def of(cls, message: Message) -> "Waited":
        """Read it from a message that has been sent again, or for the first time."""
        since = _since(message)
        return cls(*(message.received - since.get(cause, message.received) for cause in (IMAGES, CAPACITY)))


def _since(message: Message) -> dict[str, float]:
    """Since when a message waits for each cause, in seconds since 1970.

    The clock for capacity begins anew when the message comes long after it was due: it lay in a dead-letter
    queue, and its redrive is another attempt.
    """
    since = dict(message.content.get("waiting", {}))
    if message.received > since.pop(_NEXT, message.received) + _LATE:
        since.pop(CAPACITY, None)
    return since


def limits(settings: Settings) -> dict[str, float]:
    """How long a run may wait for each cause, in seconds."""
    return {
        IMAGES: settings.wait_for_images_minutes * 60,
        CAPACITY: settings.wait_for_capacity_hours * 3600,
    }


def busy(error: ClientError) -> bool:
    """Whether a service refuses what it may take later: throttling, a limit, an error of its own."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return error.response["Error"]["Code"] in _BUSY or status == 429 or status >= 500


def delay(waited: float, limit: float) -> int:
    """Seconds until the next look: half of what has passed, 30 to 900, and not past the limit."""
    return math.ceil(max(1.0, min(_LONGEST, max(_SHORTEST, waited / 2), limit - waited)))


def send_again(sqs: Any, settings: Settings, message: Message, cause: str) -> int:
    """Send the message to its queue again, and publish how long it has waited; returns the delay in seconds.

    A message that is sent again is a new one to SQS, whose own age of it begins anew.
    """
    since = {cause: message.received} | _since(message)
    if cause == IMAGES:  # what was busy before has answered
        since.pop(CAPACITY, None)
    waited = message.received - since[cause]
    seconds = delay(waited, limits(settings)[cause])
    waits = since | {_NEXT: message.received + seconds}
    sqs.send_message(
        QueueUrl=settings.upload_queue_url,
        MessageBody=orjson.dumps(message.content | {"waiting": waits}).decode(),
        DelaySeconds=seconds,
    )
    metrics.emit(settings.name, {f"WaitingFor{cause.title()}": (waited, "Seconds")})
    return seconds
