"""ListTrainingJobs and ListTransformJobs: filter first, then sort, then page.

moto pages first, and sorts not at all.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.sagemaker.responses import SageMakerResponse

from local.cloud import Cloud
from local.sagemaker.errors import invalid
from local.sagemaker.jobs import present

PAGE = 10  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListTransformJobs.html


def plug_in(cloud: Cloud) -> None:
    """Replace the two actions."""
    cloud.patch(SageMakerResponse, "list_training_jobs", _lister("training", "Ascending"))
    cloud.patch(SageMakerResponse, "list_transform_jobs", _lister("transform", "Descending"))


def _lister(kind: str, default_order: str) -> Callable[[Any], ActionResult]:
    title = kind.title()

    def list_jobs(response: Any) -> ActionResult:
        """Answer a page of summaries."""
        ask = response._get_param
        records = list(getattr(response.sagemaker_backend, f"{kind}_jobs").values())
        chosen = [_summary(record, kind) for record in records]
        chosen = [job for job in chosen if _wanted(job, ask, title)]
        key = {None: "CreationTime", "Name": f"{title}JobName", "Status": f"{title}JobStatus"}.get(
            ask("SortBy"), "CreationTime"
        )
        chosen.sort(key=lambda job: job[key], reverse=(ask("SortOrder") or default_order) == "Descending")
        token = ask("NextToken") or "0"
        if not token.isdecimal() or int(token) > len(chosen):
            raise invalid(f"Invalid pagination token {token!r}.")
        start, end = int(token), int(token) + int(ask("MaxResults") or PAGE)
        page = {
            f"{title}JobSummaries": chosen[start:end],
            "NextToken": str(end) if end < len(chosen) else None,
        }
        return ActionResult(present(page))

    return list_jobs


def _summary(record: Any, kind: str) -> dict[str, Any]:
    title = kind.title()
    return present(
        {
            f"{title}JobName": getattr(record, f"{kind}_job_name"),
            f"{title}JobArn": record.arn,
            f"{title}JobStatus": getattr(record, f"{kind}_job_status"),
            "CreationTime": record.creation_time,
            "LastModifiedTime": record.last_modified_time,
            f"{title}EndTime": getattr(record, f"{kind}_end_time"),
            "FailureReason": record.failure_reason,
        }
    )


def _wanted(job: dict[str, Any], ask: Callable[[str], Any], title: str) -> bool:
    status, part = ask("StatusEquals"), ask("NameContains")
    if status and job[f"{title}JobStatus"] != status:
        return False
    if part and part.lower() not in job[f"{title}JobName"].lower():
        return False
    for time in ("CreationTime", "LastModifiedTime"):
        after, before = ask(f"{time}After"), ask(f"{time}Before")
        if after is not None and _naive(job[time]) <= _naive(after):
            return False
        if before is not None and _naive(job[time]) >= _naive(before):
            return False
    return True


def _naive(moment: datetime) -> datetime:
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
