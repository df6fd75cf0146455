"""Jobs for which AWS had no instances: how they are told, and when another one is due."""

import pytest

from batch_prediction.aws import capacity
from batch_prediction.aws.capacity import Lacking, Shortage

REASON = "CapacityError: Unable to provision requested ML compute capacity."


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        ("Failed", REASON, True),
        ("Failed", "CapacityError", True),
        ("Failed", f"AlgorithmError: {REASON}", False),
        ("Failed", None, False),
        ("Stopped", REASON, False),
        ("InProgress", REASON, False),
    ],
)
def test_a_job_without_instances_failed_with_sagemaker_s_word_for_it(
    status: str, reason: str | None, expected: bool
) -> None:
    """The reason begins with the word; a container that says the same had its instance."""
    assert capacity.is_lacking(status, reason) is expected


def test_without_such_a_job_there_is_no_shortage() -> None:
    """A run's first job is due at once."""
    assert capacity.shortage([]) is None


@pytest.mark.parametrize(
    ("ended", "pause"),
    [(0.0, 900.0), (1800.0, 900.0), (1802.0, 901.0), (14_400.0, 7200.0), (90_000.0, 7200.0)],
)
def test_a_pause_is_half_of_what_a_shortage_has_lasted(ended: float, pause: float) -> None:
    """From a quarter of an hour to two hours, counted from the end of the newest job."""
    begun = 1000.0
    jobs = [Lacking("first", begun, begun + 1), Lacking("newest", begun + ended - 1, begun + ended)]
    assert capacity.shortage(jobs) == Shortage("newest", since=begun, due=begun + ended + pause)


def test_a_shortage_lasts_since_its_first_job() -> None:
    """In seconds; what gives up says so in hours."""
    assert Shortage(REASON, since=1000.0, due=2000.0).lasted(4600.0) == 3600.0
    assert capacity.given_up(5400.0) == "gave up after 1.5 hours (the stack's parameter WaitForCapacityHours)"
