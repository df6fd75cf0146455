"""Jobs without instances: SageMaker takes such a job, and fails it when AWS has none for it.

Its FailureReason is "CapacityError: Unable to provision requested ML compute capacity. …", of transform and
training jobs alike; AWS's SDK tells it by that word (`_check_job_status` of
https://github.com/aws/sagemaker-python-sdk/blob/master/sagemaker-core/src/sagemaker/core/common_utils.py).
Another job may find instances later: it is waited for like a quota, in pauses that grow.
"""

from collections.abc import Sequence
from dataclasses import dataclass

FAILURE_PREFIX = "CapacityError"
_LEAST_PAUSE, _MOST_PAUSE = 900.0, 7200.0  # seconds between a job without instances and the next one


@dataclass(frozen=True)
class Lacking:
    """A job that failed for want of instances: SageMaker's words, its times in seconds since 1970."""

    reason: str
    created: float
    ended: float


@dataclass(frozen=True)
class Shortage:
    """The newest jobs of a run or a training found no instances: since when, and when the next is due."""

    reason: str  # SageMaker's words about the newest
    since: float  # seconds since 1970
    due: float

    def lasted(self, at: float) -> float:
        """How long it has lasted, in seconds."""
        return at - self.since


def given_up(waited: float) -> str:
    """Why what has waited so many seconds for capacity waits no longer."""
    return f"gave up after {waited / 3600:.1f} hours (the stack's parameter WaitForCapacityHours)"


def is_lacking(status: str, failure_reason: str | None) -> bool:
    """Whether a job ended for want of instances."""
    return status == "Failed" and failure_reason is not None and failure_reason.startswith(FAILURE_PREFIX)


def shortage(newest: Sequence[Lacking]) -> Shortage | None:
    """What jobs without instances amount to, one after the other, the newest last; None for no such job.

    The pause is half of what the shortage had lasted when the newest ended.
    """
    if not newest:
        return None
    since, last = newest[0].created, newest[-1]
    pause = min(max((last.ended - since) / 2, _LEAST_PAUSE), _MOST_PAUSE)
    return Shortage(last.reason, since, last.ended + pause)
