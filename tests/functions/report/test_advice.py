"""A report's advice follows from its reason_code, whatever the sentence says."""

import re
from typing import Any

import pytest

from batch_prediction.aws.clients import Clients
from batch_prediction.report.advice import notes, what_to_do
from batch_prediction.runs.reason_codes import ReasonCode
from tests.functions.report.html import opened
from tests.functions.report.sample_kinds import KINDS
from tests.sample_runs import report_of

# A sentence with the words of every cause: advice that looked for words would be wrong for most codes.
MISLEADING = "approved package, MaxImages, capacity, ResourceLimitExceeded, InternalServerError, ClientError"
JOB = {"name": "digits-20261122t154022z-1a2b3c4d", "status": "Failed"}
ADVICE = {
    ReasonCode.NO_MANIFEST: "Upload a manifest of the images",
    ReasonCode.MANIFEST_UNREADABLE: "Correct the manifest",
    ReasonCode.ARCHIVE_UNREADABLE: "Pack the archive again",
    ReasonCode.NO_USABLE_LINES: "names every line with its error",
    ReasonCode.TOO_MANY_IMAGES: "Split the batch",
    ReasonCode.NO_APPROVED_MODEL: "Train a model, or approve a model package",
    ReasonCode.MODEL_WITHDRAWN: "read by the newest approved model package",
    ReasonCode.QUOTA: "Ask for a higher quota",
    ReasonCode.THROTTLED: "Nothing is wrong with the batch: AWS throttled",
    ReasonCode.REQUEST_REFUSED: "Correct what SageMaker names",
    ReasonCode.STOPPED: "stopped the transform job",
    ReasonCode.SERVICE_FAULT: "The fault was SageMaker's",
    ReasonCode.NO_CAPACITY: "AWS had no instances of this type",
    ReasonCode.INPUT_UNUSABLE: "role may read them",
    ReasonCode.CONTAINER_FAILED: "The model's container failed",
    ReasonCode.OUTPUT_INCOMPLETE: "its output isn't whole",
    ReasonCode.UNKNOWN: "Correct what the reason names",
}


def report(code: str | None, job: dict[str, Any] | None = None) -> Any:
    """What advice reads of a report."""
    return {"status": "Failed", "reason": MISLEADING, "reason_code": code, "transform_job": job}


@pytest.mark.parametrize("code", ReasonCode)
def test_each_code_has_its_own_advice(code: ReasonCode) -> None:
    """What to do follows from the code alone, and no other code has the same advice."""
    advice = {other: what_to_do(report(other)) or "" for other in ReasonCode}
    assert ADVICE[code] in advice[code]
    assert [other for other in ReasonCode if ADVICE[code] in advice[other]] == [code]
    assert re.search(r"upload (the manifest again|it): that is another run|that starts a run", advice[code])


def test_the_owner_of_a_rejected_package_is_not_advised_to_train() -> None:
    """The run chose an approved package that was withdrawn since: another one may be approved already."""
    advice = what_to_do(report(ReasonCode.MODEL_WITHDRAWN)) or ""
    assert "Train" not in advice


def test_the_owner_of_a_throttled_run_is_not_advised_to_ask_for_a_quota() -> None:
    """Throttling isn't a limit of instances."""
    assert "quota" not in (what_to_do(report(ReasonCode.THROTTLED)) or "")


def test_a_failed_container_s_log_streams_are_named() -> None:
    """CloudWatch names the streams of a job by the job."""
    advice = what_to_do(report(ReasonCode.CONTAINER_FAILED, JOB)) or ""
    assert f"in the log group /aws/sagemaker/TransformJobs (its streams begin with {JOB['name']})" in advice


def test_a_report_without_a_known_code_has_advice_too() -> None:
    """An earlier version wrote none: what became of the job tells; a later one may have others."""
    job = {"name": JOB["name"], "status": "Failed"}
    old: Any = {"status": "Failed", "reason": "InternalServerError: x", "transform_job": job}
    assert ADVICE[ReasonCode.SERVICE_FAULT] in (what_to_do(old) or "")
    whole: Any = old | {"transform_job": job | {"status": "Completed"}}
    assert ADVICE[ReasonCode.OUTPUT_INCOMPLETE] in (what_to_do(whole) or "")
    refused: Any = {"status": "Refused", "reason": MISLEADING, "transform_job": None}
    for unknown in (refused, refused | {"reason_code": "A_LATER_CODE"}):
        assert ADVICE[ReasonCode.UNKNOWN] in (what_to_do(unknown) or "")
    assert what_to_do(refused | {"status": "Completed", "reason": None}) is None


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("refused", ReasonCode.NO_APPROVED_MODEL),
        ("too large", ReasonCode.TOO_MANY_IMAGES),
        ("failed", ReasonCode.CONTAINER_FAILED),
        ("client error", ReasonCode.INPUT_UNUSABLE),
        ("service error", ReasonCode.SERVICE_FAULT),
        ("no capacity", ReasonCode.NO_CAPACITY),
        ("gave up", ReasonCode.QUOTA),
        ("stopped", ReasonCode.STOPPED),
        ("no output", ReasonCode.OUTPUT_INCOMPLETE),
    ],
)
def test_the_page_of_a_failure_shows_the_advice_for_its_code(aws: Clients, kind: str, code: str) -> None:
    """From what SageMaker or the decision says to the sentence on the page."""
    assert report_of(aws, KINDS[kind])["reason_code"] == code
    assert ADVICE[ReasonCode(code)] in opened(aws, KINDS[kind].run.page).text


def completed(**changes: Any) -> Any:
    """A completed run of 1,000 labelled images, four minutes to start and two at work."""
    coverage = {"expected": 1000, "scored": 1000, "unreadable": 0, "missing": 0}
    time = {"waiting": 10, "start_up": 240, "compute": 120}
    return {"status": "Completed", "coverage": coverage, "labelled": 1000, "time": time} | changes


def covered(scored: int, unreadable: int = 0, missing: int = 0) -> dict[str, int]:
    """A coverage that adds up."""
    counts = {"scored": scored, "unreadable": unreadable, "missing": missing}
    return {"expected": sum(counts.values())} | counts


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"status": "Failed", "labelled": 0, "coverage": covered(0, 5, 5)}, []),
        ({"labelled": 0}, ["No scored image has a label, so there is no accuracy"]),
        ({"labelled": 0, "coverage": covered(0)}, ["No scored image has a label, so there is no accuracy"]),
        ({"labelled": 999}, ["Scored without a label, and in no figure but coverage: 1 image."]),
        ({"labelled": 1}, ["Scored without a label, and in no figure but coverage: 999 images."]),
        (
            {"coverage": covered(1000, missing=1)},
            ["Not in the bucket when the job read the batch: 1 image. "],
        ),
        ({"coverage": covered(1000, missing=2345)}, ["when the job read the batch: 2,345 images. Upload"]),
        (
            {"coverage": covered(1000, unreadable=3)},
            ["Not readable, for the reasons below: 3 images or manifest lines."],
        ),
        (
            {"coverage": covered(1000, 1, 2), "labelled": 10},
            ["Scored without a label", "read the batch: 2 images", "the reasons below: 1 image or"],
        ),
        ({"time": {"waiting": 1, "start_up": 600, "compute": 120}}, []),
        ({"time": {"waiting": 1, "start_up": 601, "compute": 120}}, ["Starting the instances took most"]),
        ({"time": {"waiting": 1, "start_up": 60, "compute": 0}}, ["Starting the instances took most"]),
        ({"time": {"waiting": 1, "start_up": None, "compute": None}}, []),
        ({"time": {"waiting": 1, "start_up": 60, "compute": None}}, []),
        ({"time": None}, []),
    ],
)
def test_a_completed_run_s_notes_say_what_limits_its_figures(
    changes: dict[str, Any], expected: list[str]
) -> None:
    """Each limit has its note with its number, in this order, and what is as it should be has none."""
    found = notes(completed(**changes))
    assert len(found) == len(expected)
    assert [text for text, note in zip(expected, found, strict=True) if text not in note] == []
