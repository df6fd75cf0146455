"""Which report of a run stands, and about how many of its transform jobs it is."""

from typing import Any

import orjson

from batch_prediction.layout import Run
from batch_prediction.runs import transform_job


def read(s3: Any, bucket: str, run: Run) -> tuple[dict[str, Any] | None, str | None]:
    """The report that stands, and its ETag; None and None where there is none."""
    try:
        answer = s3.get_object(Bucket=bucket, Key=run.report)
    except s3.exceptions.NoSuchKey:
        return None, None
    return orjson.loads(answer["Body"].read()), answer["ETag"]


def tries_of(report: dict[str, Any] | None) -> int:
    """How many transform jobs the run had when a report was written; -1 for no report."""
    if report is None:
        return -1
    return (
        0 if report["transform_job"] is None else transform_job.number_of_try(report["transform_job"]["name"])
    )
