"""What lost events left undone is requested: nothing else is done here, and all of it is safe to repeat.

A sweep has as many looks as jobs are due, and a function's time: when that is nearly over, it invokes itself,
to go on behind the job that it looked at last.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from batch_prediction.aws.clients import Clients
from batch_prediction.events import SweepDue
from batch_prediction.layout import INCOMING
from batch_prediction.settings import Settings
from batch_prediction.sweep import looks
from batch_prediction.sweep.overdue import Job, Look, overdue
from batch_prediction.sweep.unstarted import unstarted

RESERVE = 60.0  # seconds of the function's time in which no look begins: a slow answer, and the invocation
logger = Logger()


def sweep(aws: Clients, settings: Settings, event: SweepDue, seconds_left: Callable[[], float]) -> list[str]:
    """Request everything that is overdue; returns the requests, in words.

    A job that can't be looked at doesn't keep the others from it: what failed is raised at the end, by the
    last of the invocations. Each looks at one job at least, however little time it has.
    """
    asked: list[str] = []
    failed: list[Exception] = []
    limit = timedelta(hours=settings.max_transform_hours)
    after = event.after
    if not after:
        asked.extend(_at_uploads(aws, settings, event, seconds_left, failed))
    for job in overdue(aws.sagemaker, settings.name, event.time, limit, failed):
        if job.place <= event.after:
            continue
        if after != event.after and seconds_left() < RESERVE:
            rest = SweepDue(event.time, after, event.failed + len(failed))
            looks.invoke_later(aws.lambda_, f"{settings.name}-sweep", rest.message())
            return asked
        try:
            asked.extend(_look(aws, settings, job, event))
        except (BotoCoreError, ClientError, ValueError) as error:
            error.add_note(f"while looking at {job.name}")
            logger.exception("look failed", job=job.name)
            failed.append(error)
        after = job.place
    if event.failed:
        failed.append(
            RuntimeError(f"{event.failed} lists and looks of its earlier invocations: see their logs")
        )
    if failed:
        raise ExceptionGroup(f"asked for {asked or 'nothing'}; {len(failed)} looks failed", failed)
    return asked


def _at_uploads(
    aws: Clients,
    settings: Settings,
    event: SweepDue,
    seconds_left: Callable[[], float],
    failed: list[Exception],
) -> Iterator[str]:
    """Report what nothing has started from, once a sweep; errors are added to `failed`."""
    try:
        for found in unstarted(aws.s3, settings.bucket, event.time, lambda: seconds_left() < 2 * RESERVE):
            yield from looks.at_unstarted(aws, settings, found)
    except (BotoCoreError, ClientError, ValueError) as error:
        error.add_note(f"while looking for what hasn't started below {INCOMING}")
        logger.exception("look failed", prefix=INCOMING)
        failed.append(error)


def _look(aws: Clients, settings: Settings, job: Job, event: SweepDue) -> Iterator[str]:
    match job.look:
        case Look.LIMIT:
            return looks.at_running_transform(aws, settings, job.name)
        case Look.FINAL_TRAINING:
            return looks.at_tuning(aws, settings, job.name, event.time)
        case Look.PACKAGE:
            return looks.at_training(aws, settings, job.name, event.time)
        case Look.REPORT:
            return looks.at_ended_transform(aws, settings, job.name)
