"""Waiting is not failing: the same message is sent again with a delay, and keeps since when it waits.

Lambda stops a function that keeps sending to its own queue after about 16 rounds, unless its RecursiveLoop is
Allow: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch_prediction.aws import metrics, queues
from batch_prediction.events import Message
from batch_prediction.settings import Settings

if TYPE_CHECKING:
    from batch_prediction.aws.types import SQSClient

IMAGES, CAPACITY = "images", "capacity"  # what a run waits for
_NEXT = "next"  # when the message is due again
_LATE = 7200  # seconds; a crash keeps it for the queue's visibility time-out, an hour (template.yaml)
_MIN_DELAY, _MAX_DELAY = 30, 900  # seconds; SQS delays no message for longer


@dataclass(frozen=True)
class StillWaiting:
    """A run can't be started yet: what it waits for, and why."""

    cause: str  # IMAGES or CAPACITY
    reason: str


@dataclass(frozen=True)
class WaitTimes:
    """How long a message has waited for each cause, in seconds."""

    images: float = 0.0
    capacity: float = 0.0

    @classmethod
    def of(cls, message: Message) -> "WaitTimes":
        """Read it from a message that has been sent again, or for the first time."""
        since = _since(message)
        return cls(*(message.received - since.get(cause, message.received) for cause in (IMAGES, CAPACITY)))


def _since(message: Message) -> dict[str, float]:
    """Since when a message waits for each cause, in seconds since 1970.

    The clock for capacity restarts when the message arrives long after it was due: it was in a dead-letter
    queue, and its redrive is a new attempt.
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


def delay(waited: float, limit: float) -> int:
    """Seconds until the next look: half of what has passed, 30 to 900, and not past the limit."""
    return math.ceil(max(1.0, min(_MAX_DELAY, max(_MIN_DELAY, waited / 2), limit - waited)))


def send_again(sqs: "SQSClient", settings: Settings, message: Message, cause: str) -> int:
    """Send the message to its queue again, and publish how long it has waited; returns the delay in seconds.

    A message that is sent again is a new one to SQS, whose own age of it begins anew.
    """
    since = {cause: message.received} | _since(message)
    if cause == IMAGES:  # what was busy before has answered
        since.pop(CAPACITY, None)
    waited = message.received - since[cause]
    seconds = delay(waited, limits(settings)[cause])
    waits = since | {_NEXT: message.received + seconds}
    queues.send(sqs, settings.upload_queue_url, message.content | {"waiting": waits}, seconds)
    metrics.emit(settings.name, {f"WaitingFor{cause.title()}": (waited, "Seconds")})
    return seconds
