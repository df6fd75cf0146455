"""Listings of jobs: filter first, then sort, then page."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.core.responses import ActionResult

from localcloud.sagemaker.errors import invalid
from localcloud.sagemaker.jobs import present

PAGE = 10  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListTransformJobs.html


def lister(
    title: str, summaries: Callable[[Any], list[dict[str, Any]]], default_key: str, default_order: str
) -> Callable[[Any], ActionResult]:
    """Return the action that lists jobs of the kind that the API calls `title`."""

    def list_jobs(response: Any) -> ActionResult:
        """Answer a page of summaries."""
        ask = response._get_param
        chosen = [job for job in summaries(response) if _wanted(job, ask, title)]
        keys = {"Name": f"{title}JobName", "Status": f"{title}JobStatus", "CreationTime": "CreationTime"}
        key = keys[ask("SortBy") or default_key]
        chosen.sort(key=lambda job: job[key], reverse=(ask("SortOrder") or default_order) == "Descending")
        return page(f"{title}JobSummaries", chosen, ask)

    return list_jobs


def page(name: str, chosen: list[dict[str, Any]], ask: Callable[[str], Any]) -> ActionResult:
    """Answer the page of summaries that NextToken and MaxResults ask for."""
    token = ask("NextToken") or "0"
    if not token.isdecimal() or int(token) > len(chosen):
        raise invalid(f"Invalid pagination token {token!r}.")
    start, end = int(token), int(token) + int(ask("MaxResults") or PAGE)
    following = str(end) if end < len(chosen) else None
    return ActionResult(present({name: chosen[start:end], "NextToken": following}))


def summaries_of(kind: str) -> Callable[[Any], list[dict[str, Any]]]:
    """Return what gives all summaries of a kind, "training" or "transform", out of moto's records."""

    def summaries(response: Any) -> list[dict[str, Any]]:
        records = list(getattr(response.sagemaker_backend, f"{kind}_jobs").values())
        return [_summary(record, kind) for record in records]

    return summaries


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
