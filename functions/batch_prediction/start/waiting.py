"""Waiting is not failing: the same message is sent again with a delay, and keeps since when it waits.

Lambda stops a function that keeps sending to its own queue after about 16 rounds, unless its RecursiveLoop is
Allow: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

import math
from dataclasses import dataclass, field
from time import time
from typing import TYPE_CHECKING

from batch_prediction.aws import metrics, queues
from batch_prediction.events import CAPACITY, IMAGES, JOB, LOOK, MISSING, SENT, Message, RunWaits
from batch_prediction.layout import Run
from batch_prediction.settings import Settings
from batch_prediction.start.missing_images import Missing

if TYPE_CHECKING:
    from batch_prediction.aws.types import SQSClient

_LATE = 900  # seconds; no message is in the dead-letter queue as soon as that (queues.REDELIVERY_SECONDS)
_MIN_DELAY, _MAX_DELAY = 30, 900  # seconds; SQS delays no message for longer
_MAX_DELAY_IN_TURN = 60  # seconds, for a run that waits for a slot
_MIN_GLANCE, _MAX_GLANCE = 15, 60  # seconds between two looks at one image


@dataclass(frozen=True)
class StillWaiting:
    """A run can't be started yet: what it waits for, and why."""

    cause: str  # IMAGES or CAPACITY
    reason: str
    in_turn: bool = True  # unless it lets those ask that have waited longer
    pause: float = 0.0  # seconds in which another look is of no use
    run: Run | None = field(default=None, compare=False)  # None where it couldn't be named
    missing: Missing | None = field(default=None, compare=False)

    @property
    def glanced(self) -> bool:
        """Whether only the image was looked for that was missing before."""
        return self.cause == IMAGES and self.missing is None


@dataclass(frozen=True)
class WaitTimes:
    """How long a message has waited for each cause, in seconds, at a time in seconds since 1970."""

    images: float = 0.0
    capacity: float = 0.0
    at: float = 0.0
    only_for: str = ""  # while this image is missing, no other is looked for

    @classmethod
    def of(cls, message: Message) -> "WaitTimes":
        """Read it from a message that has been sent again, or for the first time."""
        since, now = _since(message), message.received
        waits = message.content.get("waiting", {})
        return cls(
            images=now - since.get(IMAGES, now),
            capacity=now - since.get(CAPACITY, now),
            at=now,
            only_for=waits.get(MISSING, "") if now < waits.get(LOOK, 0.0) else "",
        )


def _since(message: Message) -> dict[str, float]:
    """Since when a message waits for each cause, in seconds since 1970.

    The clock for capacity restarts when the message was put into the queue long after we sent it: it was in
    a dead-letter queue, and its redrive, which gives it a new time of sending, is a new attempt. A message
    that comes late, because many are before it, has its old one.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
    """
    waits = message.content.get("waiting", {})
    redriven = message.sent > waits.get(SENT, message.sent) + _LATE
    causes = (IMAGES,) if redriven else (IMAGES, CAPACITY)
    return {cause: waits[cause] for cause in causes if cause in waits}


def limits(settings: Settings) -> dict[str, float]:
    """How long a run may wait for each cause, in seconds."""
    return {
        IMAGES: settings.wait_for_images_minutes * 60,
        CAPACITY: settings.wait_for_capacity_hours * 3600,
    }


def delay(still: StillWaiting, waited: float, limit: float) -> int:
    """Seconds until the next look, at least 30, and not past the limit.

    For images half of what has passed, for capacity an eighth, up to 900, or 60 when it is the run's turn; a
    pause is kept as far as SQS lets it be.
    """
    wished = waited / (2 if still.cause == IMAGES else 8)
    longest = _MAX_DELAY_IN_TURN if still.cause == CAPACITY and still.in_turn else _MAX_DELAY
    return math.ceil(max(1.0, min(longest, max(_MIN_DELAY, wished, still.pause), limit - waited)))


def _until_it_comes(message: Message, still: StillWaiting, pause: int) -> dict[str, float | str]:
    """What a wait for images notes: the one that is missing, and when all are looked for again."""
    if still.missing is None:
        return {name: message.content["waiting"][name] for name in (MISSING, LOOK)}
    return {MISSING: still.missing.first, LOOK: message.received + pause}


def glance(still: StillWaiting, waited: float, rest: float) -> float:
    """Seconds until the next look at the image that is missing, or at all of them after the `rest`.

    An image that comes is noticed a quarter of a minute later, or a minute where the wait is long, as all are
    looked for then; where that takes long, the pause is kept.
    """
    return min(max(min(_MAX_GLANCE, max(_MIN_GLANCE, waited / 20)), still.pause), rest)


def show(sqs: "SQSClient", settings: Settings, message: Message, still: StillWaiting) -> None:
    """Ask write_report to show what a run waits for: whenever it looks for all images, once for capacity.

    While thousands of runs wait for instances, none of them writes the list of all runs again and again.
    """
    since = _since(message)
    if still.run is None or (still.cause == CAPACITY and CAPACITY in since) or still.glanced:
        return
    began = since.get(still.cause, message.received)
    missing = still.missing
    notice = RunWaits(
        run=still.run,
        cause=still.cause,
        reason=still.reason,
        since=began,
        until=began + limits(settings)[still.cause],
        at=message.received,
        missing=missing.images if missing else 0,
        expected=missing.expected if missing else 0,
        example=missing.first if missing else None,
        at_least=missing.at_least if missing else False,
    )
    queues.send(sqs, settings.report_queue_url, notice.message())


def show_job(sqs: "SQSClient", settings: Settings, message: Message, run: Run) -> None:
    """Ask write_report to show that a run waits no more but for its job; nothing where it never waited."""
    if _since(message):
        now = message.received
        queues.send(sqs, settings.report_queue_url, RunWaits(run, JOB, "", now, now, now).message())


def send_again(sqs: "SQSClient", settings: Settings, message: Message, still: StillWaiting) -> int:
    """Send the message to its queue again, and publish how long it has waited; returns the delay in seconds.

    A message that is sent again is a new one to SQS, whose own age of it begins anew. It says when it was
    sent, so that a redrive of it is told by SQS's own time.
    """
    since = {still.cause: message.received} | _since(message)
    if still.cause == IMAGES:  # what was busy before has answered
        since.pop(CAPACITY, None)
    waited, limit = message.received - since[still.cause], limits(settings)[still.cause]
    seconds = delay(still, waited, limit)
    waits: dict[str, float | str] = {**since, SENT: time()}
    if still.cause == IMAGES:
        waits |= (noted := _until_it_comes(message, still, seconds))
        rest = min(float(noted[LOOK]) - message.received, limit - waited)
        seconds = math.ceil(max(1.0, glance(still, waited, rest)))
    queues.send(sqs, settings.upload_queue_url, message.content | {"waiting": waits}, seconds)
    metrics.emit(settings.name, {f"WaitingFor{still.cause.title()}": (waited, "Seconds")})
    return seconds
