"""Why a run wasn't completed, as a code."""

import json
from pathlib import Path

import pytest

from batch_prediction.runs.reason_codes import ReasonCode, of_ended_job

SCHEMA = Path(__file__).parents[3] / "docs" / "report.schema.json"


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        ("Completed", None, ReasonCode.OUTPUT_INCOMPLETE),
        ("Stopped", None, ReasonCode.STOPPED),
        ("Stopped", "InternalServerError: stopped all the same", ReasonCode.STOPPED),
        ("Failed", "InternalServerError: We encountered an internal error.", ReasonCode.SERVICE_FAULT),
        ("Failed", "CapacityError: Unable to provision requested ML compute", ReasonCode.NO_CAPACITY),
        ("Failed", "ResourceLimitExceeded: 0 instances", ReasonCode.QUOTA),
        ("Failed", "ClientError: Please use an object in the bucket", ReasonCode.INPUT_UNUSABLE),
        ("Failed", "AlgorithmError: ClientError in the container's log", ReasonCode.CONTAINER_FAILED),
        ("Failed", None, ReasonCode.CONTAINER_FAILED),
    ],
)
def test_a_job_s_code_follows_from_how_its_failure_reason_begins(
    status: str, reason: str | None, code: ReasonCode
) -> None:
    """The rest of the reason may quote a log, and doesn't count."""
    assert of_ended_job(status, reason) is code


def test_the_schema_lists_the_codes() -> None:
    """Programs that read report.json can rely on the list: null for a completed run, and these."""
    listed = json.loads(SCHEMA.read_text())["properties"]["reason_code"]["enum"]
    assert listed == [None, *ReasonCode]


def test_a_code_of_another_version_is_unknown() -> None:
    """An object without a code, or with one that is yet to come, can still be read."""
    assert ReasonCode.read("QUOTA") is ReasonCode.QUOTA
    assert ReasonCode.read(None) is ReasonCode.read("A_LATER_CODE") is ReasonCode.UNKNOWN


def test_codes_are_never_renamed() -> None:
    """Programs compare them: each is its own name, and prints as it is written."""
    assert all(code == code.name == code.value for code in ReasonCode)
    assert repr(ReasonCode.QUOTA) == "'QUOTA'"
