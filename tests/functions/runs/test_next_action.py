"""What a run needs next, by its newest job."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_prediction.runs.next_action import (
    ENDED,
    TRIES,
    Step,
    next_step,
)

INTERNAL = "InternalServerError: We encountered an internal error. Please try again."


def test_only_the_service_s_own_failures_are_tried_again() -> None:
    """InternalServerError is worth another job, twice; what our code or data did is not."""
    assert [next_step(tries, "Failed", INTERNAL) for tries in (1, 2, 3)] == [
        Step.START,
        Step.START,
        Step.REPORT,
    ]
    for reason in (
        "AlgorithmError: See job logs",
        "ClientError: See job logs",
        f"ClientError: {INTERNAL}",
        None,
    ):
        assert next_step(1, "Failed", reason) is Step.REPORT


@pytest.mark.parametrize("status", ["Completed", "Stopped"])
def test_a_job_that_did_not_fail_is_reported(status: str) -> None:
    """A completed and a stopped job are the last, whatever reason they carry."""
    assert next_step(1, status, INTERNAL) is Step.REPORT


@given(tries=st.integers(1, TRIES), status=st.text(), reason=st.none() | st.text())
def test_a_status_that_is_not_an_end_is_waited_for(tries: int, status: str, reason: str | None) -> None:
    """Whatever statuses AWS adds, nothing is reported or started while a job may still run."""
    if status not in ENDED:
        assert next_step(tries, status, reason) is Step.WAIT


def test_a_run_without_a_job_needs_its_first() -> None:
    """Neither a report nor patience helps it."""
    assert next_step(0, None, None) is Step.START
