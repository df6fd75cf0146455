"""What one report writes of the list of all runs and its page, once the list is full."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from batch_prediction.layout import INDEX, INDEX_PAGE
from batch_prediction.report import index, pages
from batch_prediction.report.content import IndexEntry
from benchmarks.measuring import Figure, arguments, conclude
from benchmarks.memory_s3 import MemoryS3

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)


def entry(number: int) -> IndexEntry:
    """A run of the list, ten minutes after the one before."""
    run = f"{BEGAN + timedelta(minutes=10 * number):%Y%m%dt%H%M%Sz}-{number:08x}"
    version = 1 + number // 500
    return {
        "batch": f"line-7/camera-{number % 12:02}",
        "run": run,
        "status": "Completed",
        "accuracy": 0.99 + number % 90 / 10_000,
        "low": 0.9817264150943396,
        "high": 0.9987654320987654,
        "labelled": 1000,
        "scored": 998,
        "expected": 1000,
        "model_package": f"arn:aws:sagemaker:us-east-1:123456789012:model-package/digits/{version}",
        "model_version": version,
        "transform_job": f"digits-{run}",
    }


def written(runs: int) -> dict[str, int]:
    """The bytes that the report of one more run writes, by key, where the list has so many."""
    listed = [entry(number) for number in reversed(range(runs))]
    s3: Any = MemoryS3({INDEX: orjson.dumps({"schema": index.SCHEMA, "runs": listed})})
    pages.write_index(s3, "measured", entry(runs))
    return {key: len(s3.objects[key]) for key in (INDEX, INDEX_PAGE)}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    given = arguments(__doc__, argv)
    sizes = written(index.MAX_RUNS)
    return conclude(
        [
            Figure("the list of all runs in MB", sizes[INDEX] / 1e6, 4),
            Figure("its page in MB", sizes[INDEX_PAGE] / 1e6, 1),
        ],
        given.check,
    )


if __name__ == "__main__":
    sys.exit(main())
