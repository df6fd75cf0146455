"""The trials of a tuning job as a table, the best first."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from textwrap import wrap
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

_COLOURS = {"Completed": "green", "InProgress": "cyan", "Failed": "red", "Stopped": "yellow"}
ENDED = ("Completed", "Failed", "Stopped")
MAX_HEADING_WIDTH = 9  # characters: the whole table then fits into 80 columns


@dataclass(frozen=True)
class Trial:
    """One training job of a search; `objective` is a fraction of 1, `seconds` is its training time."""

    name: str
    status: str
    objective: float | None
    values: dict[str, str]
    seconds: float | None
    failure: str

    @classmethod
    def of_summary(cls, summary: dict[str, Any], now: datetime) -> "Trial":
        """Read a summary of ListTrainingJobsForHyperParameterTuningJob.

        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperParameterTrainingJobSummary.html
        """
        started, ended = summary.get("TrainingStartTime"), summary.get("TrainingEndTime")
        metric = summary.get("FinalHyperParameterTuningJobObjectiveMetric", {})
        return cls(
            name=summary["TrainingJobName"],
            status=summary["TrainingJobStatus"],
            objective=metric.get("Value"),
            values=dict(summary.get("TunedHyperParameters", {})),
            seconds=((ended or now) - started).total_seconds() if started else None,
            failure=summary.get("FailureReason", ""),
        )


def listed(sagemaker: Any, tuning_job: str) -> list[Trial]:
    """All trials of a tuning job, the best first, those without an objective last."""
    pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
        HyperParameterTuningJobName=tuning_job, PaginationConfig={"PageSize": 100}
    )
    now = datetime.now(UTC)
    found = [Trial.of_summary(entry, now) for page in pages for entry in page["TrainingJobSummaries"]]
    return sorted(found, key=lambda trial: (trial.objective is None, -(trial.objective or 0), trial.name))


def table(tuning_job: str, status: str, expected: int, trials: Iterable[Trial]) -> Group:
    """The current state of the search, one row per trial."""
    trials = list(trials)
    ended = sum(trial.status in ENDED for trial in trials)
    title = f"{tuning_job}  ·  {status}  ·  {ended} of {expected} trials have ended"
    searched = sorted({name for trial in trials for name in trial.values})
    rows = Table("#", "status", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("accuracy", *(_wrapped(name) for name in searched), "s"):
        rows.add_column(heading, justify="right")
    for position, trial in enumerate(trials):
        colour = _COLOURS.get(trial.status, "default")
        rows.add_row(
            trial.name.removeprefix(f"{tuning_job}-").partition("-")[
                0
            ],  # its number: the rest of the name is random
            f"[{colour}]{trial.status}[/{colour}]",
            "–" if trial.objective is None else f"{trial.objective:.2%}",
            *(escape(shortened(trial.values.get(name, "–"))) for name in searched),
            "–" if trial.seconds is None else f"{trial.seconds:.0f}",
            style="bold" if position == 0 and trial.objective is not None else "",
        )
    return Group(Text(title, style="bold"), rows)


def _wrapped(name: str) -> str:
    """A hyperparameter's name, wrapped into short lines."""
    return "\n".join(piece for word in name.split("-") for piece in wrap(word, MAX_HEADING_WIDTH))


def line(trial: Trial) -> str:
    """One trial in one line."""
    values = ", ".join(f"{name} {shortened(value)}" for name, value in sorted(trial.values.items()))
    outcome = trial.failure if trial.objective is None else f"validation accuracy {trial.objective:.2%}"
    return f"{trial.name}  {trial.status}  {outcome or 'no objective'}  ({values})"


def shortened(value: str) -> str:
    """A number rounded to three digits; a word unchanged."""
    try:
        return value if value.isdecimal() else f"{float(value):.3g}"
    except ValueError:
        return value
