"""The report of a run that exists already, and how many of the run's transform jobs it knew of."""

from typing import Any, NamedTuple

from batch_prediction.aws import objects
from batch_prediction.layout import Run
from batch_prediction.runs import transform_job


class ExistingReport(NamedTuple):
    """How many transform jobs the run had when its report was written, -1 without a report; its ETag."""

    attempts: int
    etag: str | None


def read(s3: Any, bucket: str, run: Run) -> ExistingReport:
    """Look at a run's report.json."""
    found = objects.read_json(s3, bucket, run.report)
    if found is None:
        return ExistingReport(-1, None)
    return ExistingReport(attempts(run, found.content), found.etag)


def attempts(run: Run, report: dict[str, Any]) -> int:
    """How many transform jobs a run had when a report about it was written."""
    job = report["transform_job"]
    return 0 if job is None else transform_job.attempt_number(run, job["name"])
