"""What a run needs next, by its decision, its transform jobs, and whether it was given up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_prediction.aws.capacity import Shortage
from batch_prediction.runs.decision import GiveUp, Refuse
from batch_prediction.runs.next_action import (
    ENDED,
    MAX_ATTEMPTS,
    Attempt,
    AwaitJob,
    NextAction,
    StartAttempt,
    WriteReport,
    next_action,
)
from tests.functions.start.uploads import DECISION


def seen(status: str, reason: str | None = None) -> Attempt:
    """A job whose times don't matter."""
    return Attempt(status, reason, created=0.0, ended_at=0.0)


INTERNAL = seen("Failed", "InternalServerError: We encountered an internal error. Please try again.")
GAVE_UP = GiveUp("no capacity")
REASON = "CapacityError: Unable to provision requested ML compute capacity."


def lacking(created: float) -> Attempt:
    """A job for which AWS had no instances, a minute after it was created."""
    return Attempt("Failed", REASON, created, created + 60)


def after(*attempts: Attempt, gave_up: GiveUp | None = None) -> NextAction:
    """What a run that was decided to start needs after these transform jobs."""
    return next_action(DECISION, list(attempts), gave_up)


def test_only_the_services_own_failures_are_attempted_again() -> None:
    """InternalServerError is worth another job, twice; what our code or data did is not."""
    assert after(INTERNAL) == StartAttempt(DECISION, 2)
    assert after(INTERNAL, INTERNAL) == StartAttempt(DECISION, 3)
    assert after(INTERNAL, INTERNAL, INTERNAL) == WriteReport(unannounced=False)
    for reason in (
        "AlgorithmError: See job logs",
        "ClientError: See job logs",
        f"ClientError: {INTERNAL.failure_reason}",
        None,
    ):
        assert after(seen("Failed", reason)) == WriteReport(unannounced=False)


def test_a_job_without_instances_is_followed_by_another_until_the_run_is_given_up() -> None:
    """However many there were: its time is what ends the wait, and the report is about the last of them."""
    jobs = [lacking(1000.0 * number) for number in range(1, 20)]
    for number in (1, 2, 19):
        last = jobs[number - 1]
        pause = max((last.ended_at - 1000.0) / 2, 900.0)
        due = Shortage(REASON, since=1000.0, due=last.ended_at + min(pause, 7200.0))
        assert after(*jobs[:number]) == StartAttempt(DECISION, number + 1, due)
    assert after(*jobs, gave_up=GAVE_UP) == WriteReport(unannounced=True)


def test_jobs_without_instances_are_not_counted_among_those_that_the_service_failed() -> None:
    """Three of these are still the most, and a wait for instances ends with a job that had them."""
    assert after(lacking(1), INTERNAL, lacking(2), INTERNAL) == StartAttempt(DECISION, 5)
    assert after(lacking(1), INTERNAL, INTERNAL, INTERNAL) == WriteReport(unannounced=False)
    again = after(lacking(1), INTERNAL, lacking(5000), lacking(6000))
    assert again == StartAttempt(DECISION, 5, Shortage(REASON, since=5000, due=6060 + 900))


@pytest.mark.parametrize("status", ["Completed", "Stopped"])
def test_a_job_that_did_not_fail_is_reported(status: str) -> None:
    """A completed and a stopped job are the last, whatever reason they carry."""
    assert after(seen(status, INTERNAL.failure_reason)) == WriteReport(unannounced=False)


@given(before=st.integers(0, MAX_ATTEMPTS - 1), status=st.text(), reason=st.none() | st.text())
def test_a_status_that_is_not_an_end_is_waited_for(before: int, status: str, reason: str | None) -> None:
    """Whatever statuses AWS adds, nothing is reported or started while a job may still run."""
    if status not in ENDED:
        for gave_up in (None, GAVE_UP):
            attempts = [*[INTERNAL] * before, seen(status, reason)]
            assert after(*attempts, gave_up=gave_up) == AwaitJob()


def test_a_run_without_a_job_needs_its_first() -> None:
    """Neither a report nor patience helps it."""
    assert after() == StartAttempt(DECISION, 1)


def test_a_run_that_was_given_up_is_reported_though_no_event_will_ask_for_it() -> None:
    """Before its first job, and where another attempt would have followed one that the service failed."""
    assert after(gave_up=GAVE_UP) == after(INTERNAL, gave_up=GAVE_UP) == WriteReport(unannounced=True)


def test_giving_up_does_not_hide_a_job_that_ended() -> None:
    """Another delivery started the job meanwhile: its own end is what is reported."""
    assert after(seen("Completed"), gave_up=GAVE_UP) == WriteReport(unannounced=False)


def test_a_refused_run_is_reported() -> None:
    """It never gets a job, so no event of SageMaker's will ask for its report."""
    assert next_action(Refuse(0, 0, 1, "nothing to score"), [], None) == WriteReport(unannounced=True)
