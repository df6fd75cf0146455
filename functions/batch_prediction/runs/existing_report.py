"""The report of a run that exists already, and how many of the run's transform jobs it knew of."""

from typing import TYPE_CHECKING, NamedTuple

from batch_prediction.aws import objects
from batch_prediction.layout import Run
from batch_prediction.runs import transform_job

if TYPE_CHECKING:
    from batch_prediction.aws.types import S3Client


class ExistingReport(NamedTuple):
    """How many transform jobs the run had when its report was written, -1 without a report; its ETag."""

    attempts: int
    etag: str | None


def read(s3: "S3Client", bucket: str, run: Run) -> ExistingReport:
    """Look at a run's report.json."""
    found = objects.read_json(s3, bucket, run.report)
    if found is None:
        return ExistingReport(-1, None)
    job = found.content["transform_job"]
    return ExistingReport(attempts(run, job and job["name"]), found.etag)


def attempts(run: Run, job: str | None) -> int:
    """How many transform jobs a run had, by the name of the newest."""
    return 0 if job is None else transform_job.attempt_number(run, job)
