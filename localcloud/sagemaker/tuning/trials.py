"""The training jobs of a tuning job, as its answers show them."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.sagemaker.jobs import present

ENDED = ("Completed", "Failed", "Stopped")
_COUNTERS = {"InProgress": "InProgress", "Stopping": "InProgress", "Failed": "NonRetryableError"}


@dataclass(frozen=True)
class Trial:
    """One training job of a tuning job; `record` is moto's of it, `metric` the objective's name."""

    number: int  # in the search
    tuned: Mapping[str, str]
    record: Any
    metric: str
    drawn: Mapping[str, Any]  # the tuned hyperparameters as the search has drawn them

    @property
    def name(self) -> str:
        """The training job's name."""
        return str(self.record.training_job_name)

    @property
    def status(self) -> str:
        """The training job's status."""
        return str(self.record.training_job_status)

    @property
    def objective(self) -> float | None:
        """The objective's last value in the log of a job that has ended and not failed, if it is a number."""
        if self.status not in ("Completed", "Stopped"):
            return None
        found = self.record.final_metric_data_list or ()
        values = [each["Value"] for each in found if each["MetricName"] == self.metric]
        return next(filter(math.isfinite, values), None)

    @property
    def objective_status(self) -> str:
        """Pending, Succeeded, or Failed: ended without an objective that the search could use."""
        if self.status not in ENDED:
            return "Pending"
        return "Failed" if self.objective is None else "Succeeded"

    def summary(self, tuning_job: str, definition: str | None) -> dict[str, Any]:
        """Return its entry in answers.

        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperParameterTrainingJobSummary.html
        """
        record, objective = self.record, self.objective
        final = None if objective is None else {"MetricName": self.metric, "Value": objective}
        return present(
            {
                "TrainingJobDefinitionName": definition,
                "TrainingJobName": self.name,
                "TrainingJobArn": record.arn,
                "TuningJobName": tuning_job,
                "CreationTime": record.creation_time,
                "TrainingStartTime": record.training_start_time,
                "TrainingEndTime": record.training_end_time,
                "TrainingJobStatus": self.status,
                "TunedHyperParameters": dict(self.tuned),
                "FailureReason": record.failure_reason,
                "FinalHyperParameterTuningJobObjectiveMetric": final,
                "ObjectiveStatus": self.objective_status,
            }
        )


def status_counters(trials: Iterable[Trial]) -> dict[str, int]:
    """Return TrainingJobStatusCounters; no local failure is one that AWS would retry."""
    counters = dict.fromkeys(("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped"), 0)
    for trial in trials:
        counters[_COUNTERS.get(trial.status, trial.status)] += 1
    return counters


def objective_counters(trials: Iterable[Trial]) -> dict[str, int]:
    """Return ObjectiveStatusCounters."""
    counters = dict.fromkeys(("Succeeded", "Pending", "Failed"), 0)
    for trial in trials:
        counters[trial.objective_status] += 1
    return counters


def best(trials: Iterable[Trial], maximise: bool) -> Trial | None:
    """Return the completed trial with the best objective, the earliest of equals; None without one."""
    choose: Callable[..., Trial] = max if maximise else min
    done = [trial for trial in trials if trial.status == "Completed" and trial.objective is not None]
    return choose(done, key=lambda trial: trial.objective) if done else None
