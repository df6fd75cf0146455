"""What is overdue: ended jobs and jobs above their limit, listed at their marks, in the order of urgency.

A job is looked at when its end, or the end of its time, is 0, 15, 30 minutes, 1, 2, 4 … 64 hours ago, at most
ten times. What keeps failing gets no more attention than that; it is in a dead-letter queue, whose alarm
notifies people.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from batch_prediction.runs.next_action import ENDED

if TYPE_CHECKING:
    from batch_prediction.aws.types import SageMakerClient

PERIOD = timedelta(minutes=15)  # between two sweeps; template.yaml, Sweep
MARKS = (timedelta(), *(PERIOD * 2**power for power in range(9)))  # 0, 15 minutes, 30 minutes, … 64 hours
_PAGE = 100  # jobs, the most that SageMaker lists at once
_SECOND = timedelta(seconds=1)
logger = Logger()


class Look(IntEnum):
    """What a job is looked at for, the most urgent first: what costs money, what is rare, what is many."""

    LIMIT = 1
    FINAL_TRAINING = 2
    PACKAGE = 3
    REPORT = 4


@dataclass(frozen=True)
class Job:
    """A job to look at. `since`: when it ended, or, where it is above its limit, when it was created."""

    look: Look
    since: datetime
    name: str

    @property
    def place(self) -> str:
        """Its place among all that is due, as text that sorts: the urgent first, then the longest overdue."""
        return f"{self.look:d} {self.since.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f} {self.name}"


class Summary(TypedDict):
    """A job's entry in a list of jobs, without its kind before the members' names."""

    JobName: str
    JobStatus: str
    CreationTime: datetime
    LastModifiedTime: datetime


@dataclass(frozen=True)
class _List:
    """How the jobs of a look are listed: those with a status of `statuses`, by their time `member`."""

    pages: Any  # the paginator of any kind of job: their types have no common base
    kind: str
    statuses: tuple[str, ...] = ENDED
    member: Literal["CreationTime", "LastModifiedTime"] = "LastModifiedTime"


def due(age: timedelta) -> bool:
    """Whether to look at a job that ended `age` ago: once at each mark, if a sweep comes every PERIOD."""
    return any(mark <= age < mark + PERIOD for mark in MARKS)


def overdue(
    sagemaker: "SageMakerClient", name: str, now: datetime, limit: timedelta, failed: list[Exception]
) -> list[Job]:
    """All that is due, the most urgent first; errors of lists are added to `failed`.

    `limit` is the age of a transform job that is too old. Of transform jobs, of which there may be thousands
    a day, only those are listed that can be due.
    """
    transforms = sagemaker.get_paginator("list_transform_jobs")
    tunings = sagemaker.get_paginator("list_hyper_parameter_tuning_jobs")
    trainings = sagemaker.get_paginator("list_training_jobs")
    running = _List(transforms, "Transform", ("InProgress",), "CreationTime")
    at_once, by_mark = [(MARKS[0], MARKS[-1])], [(mark, mark) for mark in MARKS]
    found: list[Job] = []
    for look, jobs, late, windows in (
        (Look.LIMIT, running, limit, by_mark),
        (Look.FINAL_TRAINING, _List(tunings, "HyperParameterTuning"), timedelta(), at_once),
        (Look.PACKAGE, _List(trainings, "Training"), timedelta(), at_once),
        (Look.REPORT, _List(transforms, "Transform"), timedelta(), by_mark),
    ):
        for first, last in windows:
            try:
                for job, time in _listed(jobs, name, now - late, first, last):
                    found.append(Job(look, time, job))
            except (BotoCoreError, ClientError) as error:
                error.add_note(f"while listing {jobs.kind} jobs")
                logger.exception("list failed", kind=jobs.kind)
                failed.append(error)
    return sorted(found, key=lambda job: job.place)


def _listed(
    jobs: _List, name: str, now: datetime, first: timedelta, last: timedelta
) -> Iterator[tuple[str, datetime]]:
    """The stack's jobs that are due at the marks from `first` to `last`, and the time that they count from.

    Whether a job is this stack's shows in where it writes, which only its description says; the name is a
    first filter. SageMaker leaves out a bound itself, and boto3 sends it without its fraction of a second.
    """
    bounds = {
        f"{jobs.member}After": now - last - PERIOD,
        f"{jobs.member}Before": now - first + _SECOND,
    }
    for page in jobs.pages.paginate(NameContains=f"{name}-", MaxResults=_PAGE, **bounds):
        for entry in page[f"{jobs.kind}JobSummaries"]:
            job = cast("Summary", {key.removeprefix(jobs.kind): value for key, value in entry.items()})
            age = now - job[jobs.member]
            ours = job["JobName"].startswith(f"{name}-") and job["JobStatus"] in jobs.statuses
            if ours and first <= age < last + PERIOD and due(age):
                yield job["JobName"], job[jobs.member]
