"""reports/index.json, the list of all runs, and reports/index.html, which is rendered from it.

Reports are written at the same time, and none may lose another: each write of the list names the version that
it was made from (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
"""

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import orjson

from batch_prediction.aws import generations, objects
from batch_prediction.layout import INDEX, INDEX_PAGE, Run
from batch_prediction.report import changes, headline
from batch_prediction.report.content import WAITING, Estimate, IndexEntry, Interval, Report
from batch_prediction.runs import existing_report

if TYPE_CHECKING:
    from batch_prediction.aws.types import PutObjectRequest, S3Client

SCHEMA = "digit-batch/index/1"
MAX_RUNS = 10_000  # runs that the list keeps, the newest
EXPIRES = "noncurrent=expires"  # the tag of what the bucket's lifecycle removes once it is replaced
_MAX_WRITES = 40
_MAX_PAUSE = 1.0  # seconds


@dataclass(frozen=True)
class Index:
    """The runs, newest first; the list's generation, one more at each write; its ETag, None without one."""

    runs: list[IndexEntry]
    generation: int
    etag: str | None


def entry(run: Run, report: Report) -> IndexEntry:
    """A run's entry in the list."""
    accuracy, coverage, model = report["accuracy"], report["coverage"], report["model"]
    found: IndexEntry = {
        "batch": run.batch,
        "run": run.id,
        "status": report["status"],
        "accuracy": accuracy["value"] if accuracy else None,
        "low": accuracy["low"] if accuracy else None,
        "high": accuracy["high"] if accuracy else None,
        "estimate": _trusted(report.get("estimate")),  # reports of earlier schemas have none
        "labelled": report["labelled"],
        "scored": coverage["scored"],
        "expected": coverage["expected"],
        "model_package": model["package_arn"] if model else None,
        "model_version": model["version"] if model else None,
        "transform_job": report["transform_job"]["name"] if report["transform_job"] else None,
    }
    if bad := report.get("bad_labels"):
        found["bad_labels"] = bad
    return found


def described(runs: list[IndexEntry]) -> list[IndexEntry]:
    """The runs, newest first, with what programs would else derive: the headline's tone, and the change."""
    return [
        {
            **row.run,
            "tone": headline.of_entry(row.run).tone.value,
            "change": None if row.change is None else round(row.change, 6),
        }
        for row in changes.rows(runs)
    ]


def _trusted(estimate: Estimate | None) -> Interval | None:
    """An estimate's value and interval; None where there is none, or none to be trusted."""
    if estimate is None or estimate["value"] is None or estimate["low"] is None or estimate["high"] is None:
        return None
    return {"value": estimate["value"], "low": estimate["low"], "high": estimate["high"]}


class Record(NamedTuple):
    """How estimates have fared where labels came as well: runs that have both, and those that it held in."""

    runs: int
    held: int
    mean_error: float  # absolute


def record(runs: list[IndexEntry]) -> Record | None:
    """The record of the list's trusted estimates; None where no run has both an estimate and an accuracy.

    An accuracy is of a run's labelled images, the estimate of all that were scored.
    """
    pairs = [
        (run["accuracy"], estimate)
        for run in runs
        if run["accuracy"] is not None and (estimate := run.get("estimate"))
    ]
    if not pairs:
        return None
    held = sum(estimate["low"] <= value <= estimate["high"] for value, estimate in pairs)
    return Record(len(pairs), held, sum(abs(value - each["value"]) for value, each in pairs) / len(pairs))


def read(s3: "S3Client", bucket: str) -> Index:
    """The list as it is now."""
    found = objects.read_json(s3, bucket, INDEX)
    if found is None:
        return Index([], 0, None)
    remedy = "move it away, and the next report starts another list"
    objects.check_schema(bucket, INDEX, found.content, SCHEMA, remedy)
    return Index(found.content["runs"], found.content.get("generation", 0), found.etag)


def add(s3: "S3Client", bucket: str, new: IndexEntry) -> Index:
    """Put a run into the list, and return the list. Safe to repeat, and while others write to it.

    RuntimeError when others were faster every time; the report's message then comes again.
    """
    for write in range(_MAX_WRITES):
        current = read(s3, bucket)
        runs = described(merged(current.runs, new))
        if runs == current.runs:
            return current
        page = generations.look(s3, bucket, INDEX_PAGE) if current.etag is None else None
        generation = 1 + (page.generation if page else current.generation)  # a page may outlive its list
        request: PutObjectRequest = {
            "Bucket": bucket,
            "Key": INDEX,
            "Body": orjson.dumps({"schema": SCHEMA, "generation": generation, "runs": runs}),
            "ContentType": objects.JSON,
            "Tagging": EXPIRES,
        }
        if (etag := objects.put_if_unchanged(s3, request, current.etag)) is not None:
            return Index(runs, generation, etag)
        pause = min(_MAX_PAUSE, 0.02 * 2**write)
        time.sleep(pause * random.random())  # noqa: S311 (jitter between writers, nothing secret)
    raise RuntimeError(
        f"s3://{bucket}/{INDEX}: expected to write it in {_MAX_WRITES} attempts, found it changed each time"
    )


def merged(runs: list[IndexEntry], new: IndexEntry) -> list[IndexEntry]:
    """The list with a run in its place, newest first; what a later transform job gave isn't replaced."""
    key = (new["run"], new["batch"])
    existing = next((each for each in runs if (each["run"], each["batch"]) == key), None)
    if existing and _order(new) < _order(existing):
        return runs
    others = [each for each in runs if each is not existing]
    ordered = sorted([*others, new], key=lambda each: (each["run"], each["batch"]), reverse=True)
    return ordered[:MAX_RUNS]


def _order(entry: IndexEntry) -> tuple[int, float]:
    """How many transform jobs a run of the list had; -1 and the time of the notice for one that waits."""
    if entry["status"] == WAITING:
        return -1, entry.get("waits_at", 0.0)
    return existing_report.attempts(Run(entry["batch"], entry["run"]), entry["transform_job"]), 0.0
