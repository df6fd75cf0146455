"""A run that waits is where its report will be: on its page and in the list of all runs, not in report.json.

report.json is the commit of a report, which the sweep and programs wait for. Page and list have an order, in
which a notice comes before every report: however late it is delivered, it replaces none.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from batch_prediction.aws import generations
from batch_prediction.events import IMAGES, JOB, RunWaits
from batch_prediction.layout import INCOMING
from batch_prediction.report import pages
from batch_prediction.report.content import WAITING, IndexEntry
from batch_prediction.runs import existing_report

if TYPE_CHECKING:
    from batch_prediction.aws.types import PutObjectRequest, S3Client


_SHOWN = 300  # characters of a name or a reason: the list has ten thousand runs
GENERATION = generations.NONE  # of a page before all reports


def show(s3: "S3Client", bucket: str, waits: RunWaits) -> bool:
    """Show what a run waits for, unless it has a report; whether it was shown. Safe to repeat."""
    run = waits.run
    if existing_report.read(s3, bucket, run).etag is not None:
        return False
    request: PutObjectRequest = {"Bucket": bucket, "Key": run.page, "ContentType": pages.HTML}
    if not generations.put(s3, request, pages.waiting_page(run, in_words(waits)), GENERATION):
        return False
    pages.write_index(s3, bucket, entry(waits))
    return True


def in_words(waits: RunWaits) -> str:
    """What a run waits for, since when and until when, as a sentence without its subject."""
    since, until = _time(waits.since), _time(waits.until)
    if waits.cause == IMAGES:
        inside = f"{INCOMING}{waits.run.batch}/"
        name = pages.shortened((waits.example or "").removeprefix(inside), _SHOWN)
        least = "at least " if waits.at_least else ""
        return f"waits for {least}{waits.missing:,} of {waits.expected:,} images, e.g. {name}, until {until}"
    if waits.cause == JOB:
        return f"waits for its transform job, which was started at {since}"
    return (
        f"waits for an instance since {since}, until {until} at most; {pages.shortened(waits.reason, _SHOWN)}"
    )


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def entry(waits: RunWaits) -> IndexEntry:
    """A waiting run's entry in the list."""
    return {
        "batch": waits.run.batch,
        "run": waits.run.id,
        "status": WAITING,
        "accuracy": None,
        "low": None,
        "high": None,
        "estimate": None,
        "labelled": 0,
        "scored": 0,
        "expected": waits.expected,
        "model_package": None,
        "model_version": None,
        "transform_job": None,
        "waits": in_words(waits),
        "waits_at": waits.at,
    }
