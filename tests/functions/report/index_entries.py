"""Runs as the list of all runs has them."""

from typing import Any

from batch_prediction.report.content import IndexEntry


def entry(number: int, attempts: int = 1, **changes: Any) -> IndexEntry:
    """A run of the list; later numbers are newer."""
    run = f"202611{1 + number // 86400:02}t{number // 3600 % 24:02}{number // 60 % 60:02}{number % 60:02}z"
    job = f"digits-{run}-{number:08x}"
    run_entry: Any = {
        "batch": f"batch-{number}",
        "run": f"{run}-{number:08x}",
        "status": "Completed",
        "accuracy": 0.98,
        "low": 0.97,
        "high": 0.99,
        "labelled": 100,
        "scored": 100,
        "expected": 100,
        "model_package": "arn",
        "model_version": 1,
        "transform_job": (None, job, f"{job}-2")[attempts],
    }
    entry: IndexEntry = run_entry | changes
    return entry
