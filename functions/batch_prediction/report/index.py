"""reports/index.json, the list of all runs, and reports/index.html, which is made of it.

Reports are written at the same time, and none may lose another: each write of the list names the version that
it was made from (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
"""

import random
import time
from dataclasses import dataclass
from typing import Any

import orjson
from botocore.exceptions import ClientError

from batch_prediction.layout import INDEX, Run

SCHEMA = "digit-batch/index/1"
MOST = 10_000  # runs that the list keeps, the newest
_TRIES = 40
_LONGEST_PAUSE = 1.0  # seconds
_LOST = (404, 409, 412)  # statuses of a conditional write that somebody else was faster than

Entry = dict[str, Any]


@dataclass(frozen=True)
class Index:
    """The runs, newest first, and the ETag of the object that holds them; None where there is none yet."""

    runs: list[Entry]
    etag: str | None


def entry(run: Run, report: dict[str, Any]) -> Entry:
    """What the list says of a run."""
    accuracy, coverage, model = report["accuracy"], report["coverage"], report["model"]
    return {
        "batch": run.batch,
        "run": run.id,
        "status": report["status"],
        "accuracy": accuracy["value"] if accuracy else None,
        "low": accuracy["low"] if accuracy else None,
        "high": accuracy["high"] if accuracy else None,
        "labelled": report["labelled"],
        "scored": coverage["scored"],
        "expected": coverage["expected"],
        "model_package": model["package_arn"] if model else None,
        "model_version": model["version"] if model else None,
        "transform_job": report["transform_job"]["name"] if report["transform_job"] else None,
    }


def read(s3: Any, bucket: str) -> Index:
    """The list as it stands."""
    try:
        answer = s3.get_object(Bucket=bucket, Key=INDEX)
    except s3.exceptions.NoSuchKey:
        return Index([], None)
    found = orjson.loads(answer["Body"].read())
    if found["schema"] != SCHEMA:
        raise ValueError(
            f"s3://{bucket}/{INDEX}: expected the schema {SCHEMA}, found {found['schema']!r}: another "
            "version of this stack wrote it; move it away, and the next report starts another list"
        )
    return Index(found["runs"], answer["ETag"])


def add(s3: Any, bucket: str, new: Entry) -> Index:
    """Put a run into the list, and return the list. Safe to repeat, and beside other writers.

    RuntimeError when others were faster at every try; the report's message then comes again.
    """
    for attempt in range(_TRIES):
        standing = read(s3, bucket)
        runs = merged(standing.runs, new)
        if runs == standing.runs:
            return standing
        condition = {"IfMatch": standing.etag} if standing.etag else {"IfNoneMatch": "*"}
        try:
            answer = s3.put_object(
                Bucket=bucket,
                Key=INDEX,
                Body=orjson.dumps({"schema": SCHEMA, "runs": runs}),
                ContentType="application/json",
                **condition,
            )
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] not in _LOST:
                raise
            pause = min(_LONGEST_PAUSE, 0.02 * 2**attempt)
            time.sleep(pause * random.random())  # noqa: S311 (writers part by chance, there is no secret)
        else:
            return Index(runs, answer["ETag"])
    raise RuntimeError(
        f"s3://{bucket}/{INDEX}: expected to write it within {_TRIES} tries, found it changed each time"
    )


def merged(runs: list[Entry], new: Entry) -> list[Entry]:
    """The list with a run in its place, newest first; what a later transform job gave isn't replaced."""
    key = (new["run"], new["batch"])
    standing = next((each for each in runs if (each["run"], each["batch"]) == key), None)
    if standing and (new["transform_job"] or "") < (standing["transform_job"] or ""):
        return runs  # a run's jobs are called as the first, and then -2, -3
    others = [each for each in runs if each is not standing]
    ordered = sorted([*others, new], key=lambda each: (each["run"], each["batch"]), reverse=True)
    return ordered[:MOST]
