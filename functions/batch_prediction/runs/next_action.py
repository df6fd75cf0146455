"""What a run needs next: one pure function, which start_transform and write_report both ask."""

from dataclasses import dataclass
from itertools import takewhile

from batch_prediction.aws import capacity
from batch_prediction.aws.capacity import Lacking, Shortage
from batch_prediction.runs.decision import Decision, GiveUp, Refuse, Start
from batch_prediction.runs.reason_codes import SERVICE_FAULT_PREFIX

MAX_ATTEMPTS = 3  # transform jobs of one run, besides those that found no instances
ENDED = ("Completed", "Failed", "Stopped")


@dataclass(frozen=True)
class Attempt:
    """What matters of a run's transform job to what comes next, as SageMaker describes it."""

    status: str
    failure_reason: str | None
    created: float  # seconds since 1970
    ended_at: float

    @property
    def ended(self) -> bool:
        """Whether the job has ended.

        A status that isn't known is one of a job that still runs: nothing is reported too early.
        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTransformJob.html
        """
        return self.status in ENDED

    @property
    def may_succeed_again(self) -> bool:
        """Whether the same request may succeed: the fault was the service's own."""
        return self.status == "Failed" and (self.failure_reason or "").startswith(SERVICE_FAULT_PREFIX)

    @property
    def lacked_capacity(self) -> bool:
        """Whether AWS had no instances for it: another one is worth waiting for."""
        return capacity.is_lacking(self.status, self.failure_reason)


@dataclass(frozen=True)
class StartAttempt:
    """Start the transform job with this number, counted from 1, as it was decided.

    `shortage`: those before it found no instances, so it waits for its time, or is given up.
    """

    decision: Start
    number: int
    shortage: Shortage | None = None


@dataclass(frozen=True)
class AwaitJob:
    """Do nothing: the newest transform job hasn't ended; SageMaker's event will follow."""


@dataclass(frozen=True)
class WriteReport:
    """Write the report. `unannounced`: no event of SageMaker's will ask for it."""

    unannounced: bool


NextAction = StartAttempt | AwaitJob | WriteReport


def needs_another_attempt(attempts: list[Attempt]) -> bool:
    """Whether a run with these transform jobs, in order, needs another one."""
    if not attempts or attempts[-1].lacked_capacity:
        return True
    had_instances = sum(not attempt.lacked_capacity for attempt in attempts)
    return attempts[-1].may_succeed_again and had_instances < MAX_ATTEMPTS


def _shortage(attempts: list[Attempt]) -> Shortage | None:
    newest = takewhile(lambda attempt: attempt.lacked_capacity, reversed(attempts))
    lacking = [Lacking(str(attempt.failure_reason), attempt.created, attempt.ended_at) for attempt in newest]
    return capacity.shortage(lacking[::-1])


def next_action(decision: Decision, attempts: list[Attempt], gave_up: GiveUp | None) -> NextAction:
    """What a run needs next, by its decision, its transform jobs, and why it was given up (if it was)."""
    if isinstance(decision, Refuse):
        return WriteReport(unannounced=True)
    if needs_another_attempt(attempts):
        if gave_up is not None:
            return WriteReport(unannounced=True)
        return StartAttempt(decision, len(attempts) + 1, _shortage(attempts))
    return WriteReport(unannounced=False) if attempts[-1].ended else AwaitJob()
