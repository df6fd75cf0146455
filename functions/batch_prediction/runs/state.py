"""The state of a run: the decision about it, its transform jobs, and whether it was given up."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch_prediction.aws.clients import Clients
from batch_prediction.layout import Run
from batch_prediction.runs import decision, transform_job
from batch_prediction.runs.decision import Decision, GiveUp, Start
from batch_prediction.runs.next_action import Attempt, NextAction, needs_another_attempt, next_action

if TYPE_CHECKING:
    from batch_prediction.aws.types import TransformJobDescription


@dataclass(frozen=True)
class RunState:
    """A run as it is now. `jobs` are its transform jobs as SageMaker describes them, oldest first."""

    decision: Decision
    jobs: "list[TransformJobDescription]"
    gave_up: GiveUp | None

    @property
    def next_action(self) -> NextAction:
        """What the run needs next."""
        return next_action(self.decision, _attempts(self.jobs), self.gave_up)


def read(aws: Clients, bucket: str, run: Run, decided: Decision) -> RunState:
    """Look at a run; whether it was given up is only read where it matters."""
    if not isinstance(decided, Start):
        return RunState(decided, [], None)
    jobs = transform_job.describe_attempts(aws.sagemaker, bucket, run, decided)
    another = needs_another_attempt(_attempts(jobs))
    return RunState(decided, jobs, decision.given_up(aws.s3, bucket, run) if another else None)


def _attempts(jobs: "list[TransformJobDescription]") -> list[Attempt]:
    return [transform_job.attempt(job) for job in jobs]
