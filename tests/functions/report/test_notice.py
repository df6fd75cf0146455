"""A run that waits is shown where its report will be."""

import json
from dataclasses import replace
from typing import Any

import pytest

from batch_prediction.aws.clients import Clients
from batch_prediction.events import CAPACITY, IMAGES, JOB, Message, RunWaits, report_request
from batch_prediction.layout import INDEX, INDEX_PAGE
from batch_prediction.report import index, notice, pages
from batch_prediction.report.content import IndexEntry
from tests.functions.report.html import opened
from tests.functions.report.sample_kinds import KINDS
from tests.sample_runs import report_of
from tests.settings_and_events import BUCKET

SAMPLE = KINDS["labelled"]
SINCE = 1_795_774_800.0  # 2026-11-27 10:20 UTC
FOR_IMAGES = RunWaits(
    SAMPLE.run, IMAGES, "", SINCE, SINCE + 3600, SINCE, 1, 1_002, f"incoming/{SAMPLE.batch}/not-there.png"
)
FOR_CAPACITY = replace(FOR_IMAGES, cause=CAPACITY, reason="ResourceLimitExceeded: 4 of 4", at=SINCE + 60)
WORDS = "waits for 1 of 1,002 images, e.g. not-there.png, until 2026-11-27 11:20 UTC"


def listed(aws: Clients) -> list[IndexEntry]:
    """The runs of index.json."""
    return index.read(aws.s3, BUCKET).runs


@pytest.mark.parametrize(
    ("waits", "words"),
    [
        (FOR_IMAGES, WORDS),
        (replace(FOR_IMAGES, at_least=True), WORDS.replace("for 1 of", "for at least 1 of")),
        (
            FOR_CAPACITY,
            "waits for an instance since 2026-11-27 10:20 UTC, until 2026-11-27 11:20 UTC at most; "
            "ResourceLimitExceeded: 4 of 4",
        ),
        (
            replace(FOR_IMAGES, cause=JOB),
            "waits for its transform job, which was started at 2026-11-27 10:20 UTC",
        ),
    ],
    ids=["images", "at least", "capacity", "job"],
)
def test_a_person_reads_for_what_and_until_when(aws: Clients, waits: RunWaits, words: str) -> None:
    """On the run's page, in the list and on its page; report.json, which is the commit, isn't there."""
    assert notice.show(aws.s3, BUCKET, waits)
    assert words in opened(aws, SAMPLE.run.page).text
    text = opened(aws, INDEX_PAGE).text
    assert "… Waiting" in text
    assert words in text
    (run,) = listed(aws)
    assert (run["status"], run.get("waits"), run.get("tone")) == ("Waiting", words, "waiting")
    keys = [entry["Key"] for entry in aws.s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert sorted(keys) == sorted([SAMPLE.run.page, INDEX, INDEX_PAGE])


@pytest.mark.parametrize("kind", ["labelled", "refused", "failed"])
def test_the_report_takes_the_notice_s_place_and_keeps_it(aws: Clients, kind: str) -> None:
    """A notice that is delivered late changes no byte below reports/."""
    sample = KINDS[kind]
    waits = replace(FOR_IMAGES, run=sample.run)
    assert notice.show(aws.s3, BUCKET, waits)
    status = report_of(aws, sample)["status"]
    (run,) = listed(aws)
    assert (run["status"], run.get("waits")) == (status, None)
    assert "… Waiting" not in opened(aws, sample.run.page).text
    before = aws.s3.list_object_versions(Bucket=BUCKET, Prefix="reports/")["Versions"]
    assert not notice.show(aws.s3, BUCKET, waits)
    assert aws.s3.list_object_versions(Bucket=BUCKET, Prefix="reports/")["Versions"] == before


def test_a_notice_leaves_a_report_that_is_being_written(aws: Clients) -> None:
    """Its page is there and report.json isn't yet; and where only the list was ahead, its entry stays."""
    report = report_of(aws, SAMPLE)
    final = listed(aws)
    aws.s3.delete_object(Bucket=BUCKET, Key=SAMPLE.run.report)
    assert not notice.show(aws.s3, BUCKET, FOR_IMAGES)
    assert listed(aws) == final
    pages.write_index(aws.s3, BUCKET, notice.entry(FOR_IMAGES))
    assert listed(aws) == final
    assert final[0]["status"] == report["status"]


def test_an_older_notice_leaves_the_newer_one_in_the_list(aws: Clients) -> None:
    """SQS keeps no order among messages."""
    for waits in (FOR_CAPACITY, FOR_IMAGES):
        notice.show(aws.s3, BUCKET, waits)
    (run,) = listed(aws)
    assert "an instance" in run.get("waits", "")


def test_a_notice_of_hostile_names_is_text(aws: Clients) -> None:
    """What AWS or a manifest says makes no element."""
    hostile: Any = replace(FOR_CAPACITY, reason="<script>alert(1)</script>")
    notice.show(aws.s3, BUCKET, hostile)
    for key in (SAMPLE.run.page, INDEX_PAGE):
        assert "script" not in {tag for tag, _ in opened(aws, key).tags}


def test_a_notice_is_short() -> None:
    """Whatever AWS says, and however long a name is: the list of all runs has many entries."""
    for waits in (
        replace(FOR_CAPACITY, reason="x" * 5_000),
        replace(FOR_IMAGES, example=f"incoming/{SAMPLE.batch}/{'x' * 900}"),
    ):
        assert len(notice.in_words(waits)) < 500


def test_a_notice_travels_as_a_message() -> None:
    """What start_transform sends is what write_report reads."""
    for waits in (FOR_IMAGES, FOR_CAPACITY):
        message = Message(json.dumps(waits.message()), "r", 1, 0.0)
        assert report_request(message, BUCKET) == waits
