"""A report's advice follows from its reason_code, whatever the sentence says."""

from typing import Any

import pytest

from batch_prediction.aws.clients import Clients
from batch_prediction.report.advice import what_to_do
from batch_prediction.runs.reason_codes import ReasonCode
from tests.functions.report.html import opened
from tests.functions.report.sample_kinds import KINDS
from tests.sample_runs import report_of

# A sentence with the words of every cause: advice that looked for words would be wrong for most codes.
MISLEADING = "approved package, MaxImages, capacity, ResourceLimitExceeded, InternalServerError, ClientError"
JOB = {"name": "digits-20261122t154022z-1a2b3c4d", "status": "Failed"}
ADVICE = {
    ReasonCode.MANIFEST_UNREADABLE: "Correct the manifest",
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
    assert "upload the manifest again: that is another run" in advice[code]


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
    assert f"its streams begin with {JOB['name']}" in advice


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
