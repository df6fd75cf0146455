"""How a run ended, for its report."""

from typing import Any

import pytest

from batch_prediction.report.outcomes import outcome
from batch_prediction.report.predictions import Tally
from batch_prediction.runs.decision import GiveUp, Refuse
from batch_prediction.runs.reason_codes import ReasonCode
from batch_prediction.runs.state import RunState
from tests.functions.report.transform_jobs import job
from tests.functions.start.uploads import DECISION

GAVE_UP = GiveUp("gave up after 24.0 hours", ReasonCode.THROTTLED)


def state(*jobs: Any, gave_up: GiveUp | None = None) -> RunState:
    """A run that was decided to start, with these transform jobs."""
    return RunState(DECISION, list(jobs), gave_up)


def test_a_whole_output_is_completed_without_a_reason() -> None:
    """Neither sentence nor code."""
    assert outcome(state(job("Completed")), Tally()) == ("Completed", None, None)


def test_completed_is_not_success() -> None:
    """An output that isn't whole is a failure with its own code."""
    found = outcome(state(job("Completed")), Tally(problem="output part 0: expected 4 lines, found 3"))
    assert found == ("Failed", "output part 0: expected 4 lines, found 3", ReasonCode.OUTPUT_INCOMPLETE)


def test_the_newest_job_is_what_counts() -> None:
    """Two attempts: the second one was stopped."""
    found = outcome(state(job("Failed", "InternalServerError: x"), job("Stopped")), Tally())
    assert found == ("Stopped", "the transform job is Stopped, and gives no reason", ReasonCode.STOPPED)


def test_a_refusal_keeps_its_code() -> None:
    """What run.json says is what the report says."""
    refused = Refuse(0, 0, 1, "nothing to score", ReasonCode.NO_USABLE_LINES)
    found = outcome(RunState(refused, [], None), Tally())
    assert found == ("Refused", "nothing to score", ReasonCode.NO_USABLE_LINES)


@pytest.mark.parametrize("jobs", [(), (job("Failed", "InternalServerError: x"),)])
def test_what_was_given_up_has_the_code_of_what_prevented_the_next_attempt(jobs: tuple[Any, ...]) -> None:
    """That is what can be changed: a fault of the service may be over by now."""
    found = outcome(state(*jobs, gave_up=GAVE_UP), Tally())
    assert found.code == ReasonCode.THROTTLED
    assert found.status == ("Failed" if jobs else "GaveUp")
    assert (found.reason or "").endswith("gave up after 24.0 hours")


def test_what_was_given_up_without_a_code_has_that_of_the_failed_job() -> None:
    """An earlier version wrote none: that the service failed the job is known all the same."""
    found = outcome(state(job("Failed", "InternalServerError: x"), gave_up=GiveUp("no capacity")), Tally())
    assert found.code == ReasonCode.SERVICE_FAULT
    assert found.reason == "InternalServerError: x; no other attempt: no capacity"
