"""Lists as SageMaker gives them: filtered, sorted, and page by page, the status last."""

from datetime import datetime
from typing import Any

PAGE = 10  # of jobs, where MaxResults isn't given


def page(
    name: str,
    records: list[dict[str, Any]],
    asked: dict[str, Any],
    *,
    status: tuple[str, str],
    order: str,
    most: int,
) -> dict[str, Any]:
    """The page of the list `name` that is asked for: at most MaxResults records, and at most `most`.

    `status` is the filter's name in the request and the record's own; `order` is the API's default. A page
    is cut before its records are filtered by status, so that it may be empty and not the last
    (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListTrainingJobs.html).
    """
    part = asked.get("NameContains", "").lower()
    chosen = [record for record in records if part in record["Name"].lower() and _in_time(record, asked)]
    chosen.sort(
        key=lambda record: record[asked.get("SortBy", "CreationTime")],
        reverse=asked.get("SortOrder", order) == "Descending",
    )
    start = int(asked.get("NextToken", "0"))
    end = start + min(asked.get("MaxResults", PAGE), most)
    filtered, own = status
    found = [record for record in chosen[start:end] if asked.get(filtered) in (None, record[own])]
    return {name: found} | ({"NextToken": str(end)} if end < len(chosen) else {})


def _in_time(record: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Whether a record's times lie strictly within what is asked for, which boto3 sends in whole seconds."""
    for time in ("CreationTime", "LastModifiedTime"):
        after, before = (_sent(asked.get(f"{time}{side}")) for side in ("After", "Before"))
        if (after and record[time] <= after) or (before and record[time] >= before):
            return False
    return True


def _sent(bound: datetime | None) -> datetime | None:
    return bound and bound.replace(microsecond=0)


def jobs(kind: str, described: list[dict[str, Any]], asked: dict[str, Any], order: str, most: int) -> Any:
    """A page of the jobs of a kind, which says less of each than its description."""
    members = {
        f"{kind}JobName",
        f"{kind}JobStatus",
        f"{kind}EndTime",
        "CreationTime",
        "LastModifiedTime",
    }
    records = [
        {"Name": job[f"{kind}JobName"]} | {name: job[name] for name in members & job.keys()}
        for job in described
    ]
    status = ("StatusEquals", f"{kind}JobStatus")
    return page(f"{kind}JobSummaries", records, asked, status=status, order=order, most=most)
