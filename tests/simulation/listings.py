"""Lists as SageMaker gives them: filtered, sorted, and page by page, the status last."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

PAGE = 10  # records, where MaxResults isn't given
Record = dict[str, Any]


class Listings:
    """Pages of at most `most` records; a token stands for the rest of a list as it was at its first page."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._rest: list[list[Record]] = []  # by token

    def page(
        self,
        records: Iterable[Record],
        asked: dict[str, Any],
        *,
        name: str,
        status: tuple[str, str],
        order: str,
    ) -> tuple[list[Record], dict[str, str]]:
        """The page that is asked for, and the token of the next.

        `name` is the record's own, `status` the filter's name in the request and the record's; `order` is the
        API's default. A page is cut before its records are filtered by status, so that it may be empty and
        not the last (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListTrainingJobs.html).
        """
        if token := asked.get("NextToken"):
            chosen = self._rest[int(token)]
        else:
            chosen = _wanted(records, asked, name)
            key = {"Name": name, "Status": status[1]}.get(by := asked.get("SortBy", "CreationTime"), by)
            descending = asked.get("SortOrder", order) == "Descending"
            chosen.sort(key=lambda record: record[key], reverse=descending)
        end = min(asked.get("MaxResults", PAGE), self.most)
        filtered, own = status
        found = [record for record in chosen[:end] if asked.get(filtered) in (None, record[own])]
        if end >= len(chosen):
            return found, {}
        self._rest.append(chosen[end:])
        return found, {"NextToken": str(len(self._rest) - 1)}

    def jobs(
        self, kind: str, described: Iterable[Record], asked: dict[str, Any], order: str
    ) -> dict[str, Any]:
        """A page of the jobs of a kind, which says less of each than its description."""
        name, status = f"{kind}JobName", f"{kind}JobStatus"
        found, following = self.page(
            described, asked, name=name, status=("StatusEquals", status), order=order
        )
        members = {name, status, f"{kind}EndTime", "CreationTime", "LastModifiedTime"}
        summaries = [{member: job[member] for member in members & job.keys()} for job in found]
        return {f"{kind}JobSummaries": summaries} | following


def _wanted(records: Iterable[Record], asked: dict[str, Any], name: str) -> list[Record]:
    """The records whose names have the part, and whose times lie strictly within the bounds asked for."""
    part = asked.get("NameContains", "").lower()
    wanted = [record for record in records if part in record[name].lower()]
    for time in ("CreationTime", "LastModifiedTime"):
        if after := _sent(asked.get(f"{time}After")):
            wanted = [record for record in wanted if record[time] > after]
        if before := _sent(asked.get(f"{time}Before")):
            wanted = [record for record in wanted if record[time] < before]
    return wanted


def _sent(bound: datetime | None) -> datetime | None:
    """A time as boto3 sends it, in whole seconds."""
    return bound and bound.replace(microsecond=0)
