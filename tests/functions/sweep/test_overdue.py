"""What is overdue, and in which order it is looked at."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_prediction.sweep import overdue
from batch_prediction.sweep.overdue import MARKS, PERIOD, Job, Look
from tests.functions.sweep.swept import HOUR, LIMIT, calm_world, training, transform, tuning
from tests.simulation.world import World

SECOND = timedelta(seconds=1)
EXPECTED = [timedelta(minutes=minutes) for minutes in (0, 15, 30, 60, 120, 240, 480, 960, 1920, 3840)]


@pytest.fixture
def world() -> World:
    """A world in which nothing goes wrong by itself."""
    return calm_world()


def listed(world: World, now: datetime, limit: timedelta = LIMIT) -> list[tuple[Look, str]]:
    """What is due, in its order."""
    failed: list[Exception] = []
    jobs = overdue.overdue(world.sagemaker, "digits", now, limit, failed)  # type: ignore[arg-type] # the same methods
    assert failed == []
    return [(job.look, job.name) for job in jobs]


@given(st.floats(0, 15), st.floats(-1, 1))
def test_a_job_is_looked_at_ten_times_at_most(first: float, jitter: float) -> None:
    """Over two weeks of sweeps; the first look comes within 15 minutes of the end."""
    ages = [timedelta(minutes=first + 15 * number) for number in range(14 * 24 * 4)]
    looks = [age for age in ages if overdue.due(age)]
    assert len(looks) <= 10
    assert looks[0] <= timedelta(minutes=15 + 1e-6)
    assert looks[-1] < MARKS[-1] + PERIOD


@pytest.mark.parametrize("mark", EXPECTED, ids=str)
def test_each_mark_is_exact_for_every_kind_of_job(world: World, mark: timedelta) -> None:
    """A job is due from the mark on until a period later, excluded, and not a second before."""
    now = world.moment()
    transform(world, 1, now - 90 * HOUR, "Completed", ended=now)
    transform(world, 2, now - LIMIT)
    tuning(world, "digits-tuned", now - 90 * HOUR, now)
    training(world, "digits-final", now - 90 * HOUR, now)
    everything = set(Look)
    ages = (mark, mark + PERIOD - SECOND, mark + PERIOD)
    found = [{look for look, _ in listed(world, now + age)} for age in ages]
    following = everything if mark + PERIOD in EXPECTED else set()
    assert found == [everything, everything, following]
    before = {look for look, _ in listed(world, now + mark - SECOND)}
    assert before == (
        everything if any(other <= mark - SECOND < other + PERIOD for other in EXPECTED) else set()
    )


def test_fractions_of_a_second_lose_no_job(world: World) -> None:
    """boto3 sends whole seconds, and a bound is not part of a list: a job at either end is found."""
    now = world.moment().replace(microsecond=500_000)
    for number, mark in enumerate(EXPECTED):
        transform(world, 2 * number, now - 90 * HOUR, "Failed", ended=now - mark)
        late = now - mark - PERIOD + timedelta(microseconds=1)
        transform(world, 2 * number + 1, now - 90 * HOUR, "Failed", ended=late)
    assert len(listed(world, now)) == 2 * len(EXPECTED)


def test_a_search_of_many_days_is_found_by_its_end(world: World) -> None:
    """When a job was created doesn't matter to whether it is looked at, but when it was modified."""
    now = world.moment()
    tuning(world, "digits-long", now - 24 * 30 * HOUR, now)
    training(world, "digits-long-final", now - 24 * 5 * HOUR, now - 64 * HOUR)
    transform(world, 1, now - 24 * 4 * HOUR, "Completed", ended=now - HOUR)
    tuning(world, "digits-old", now - HOUR, now - 24 * 10 * HOUR)
    assert [look for look, _ in listed(world, now)] == [Look.FINAL_TRAINING, Look.PACKAGE, Look.REPORT]


def test_a_job_that_was_modified_while_it_runs_is_stopped_by_its_age(world: World) -> None:
    """Its limit counts from its creation; half a minute before, it isn't due."""
    now = world.moment()
    job = transform(world, 1, now - LIMIT, LastModifiedTime=now - timedelta(minutes=1))
    assert listed(world, now) == [(Look.LIMIT, job)]
    assert listed(world, now - timedelta(seconds=30)) == []
    assert listed(world, now, limit=LIMIT + SECOND) == []
    assert listed(world, now + 66 * HOUR, limit=LIMIT + 66 * HOUR) == [(Look.LIMIT, job)]


@pytest.mark.parametrize("status", ["InProgress", "Stopping"])
def test_only_what_has_ended_has_a_successor(world: World, status: str) -> None:
    """A job that runs or is being stopped isn't asked for, whatever its kind."""
    now = world.moment()
    transform(world, 1, now - HOUR, status, LastModifiedTime=now)
    tuning(world, "digits-tuned", now - HOUR, now, status)
    training(world, "digits-final", now - HOUR, now, status)
    assert listed(world, now) == []


@pytest.mark.parametrize("status", ["Completed", "Failed", "Stopped", "Stopping"])
def test_only_what_runs_is_above_its_limit(world: World, status: str) -> None:
    """A job that has ended, or is being stopped, is not stopped, however old it is."""
    now = world.moment()
    transform(world, 1, now - LIMIT, status, ended=now - 7 * HOUR, LastModifiedTime=now - 7 * HOUR)
    assert listed(world, now) == []


@pytest.mark.parametrize("status", ["Completed", "Failed", "Stopped"])
def test_every_ending_is_looked_at(world: World, status: str) -> None:
    """A job that failed or was stopped needs its successor as well: a report, a record of the failure."""
    now = world.moment()
    transform(world, 1, now - HOUR, status, ended=now)
    tuning(world, "digits-tuned", now - HOUR, now, status)
    training(world, "digits-final", now - HOUR, now, status)
    assert [look for look, _ in listed(world, now)] == [Look.FINAL_TRAINING, Look.PACKAGE, Look.REPORT]


def test_a_name_that_only_contains_ours_is_not_this_stack_s(world: World) -> None:
    """SageMaker's filter finds a name anywhere in another, and in any case."""
    now = world.moment()
    for name in ("my-digits-final", "Digits-final", "digitsfinal"):
        training(world, name, now - HOUR, now)
        tuning(world, name, now - HOUR, now)
    assert listed(world, now) == []


def test_the_urgent_come_first_and_of_them_the_longest_overdue(world: World) -> None:
    """Jobs to stop, searches, trainings, reports; within each, the oldest end, whatever the lists' order."""
    now = world.moment()
    oldest, old, new = 64 * HOUR, 4 * HOUR, timedelta()
    for number, age in enumerate((old, new, oldest)):
        transform(world, number, now - 80 * HOUR + number * HOUR, "Completed", ended=now - age)
        transform(world, 10 + number, now - LIMIT - age)
        tuning(world, f"digits-t{number}", now - 80 * HOUR, now - age)
        training(world, f"digits-t{number}-final", now - 80 * HOUR, now - age)
    names = [name for _, name in listed(world, now)]
    looks = [look for look, _ in listed(world, now)]
    assert looks == [look for look in Look for _ in range(3)]
    assert names[3:9] == [f"digits-t{number}{end}" for end in ("", "-final") for number in (2, 0, 1)]
    runs = [name.rpartition("-")[2] for name in names[:3] + names[9:]]
    assert runs == [f"{number:08x}" for number in (12, 10, 11, 2, 0, 1)]


def test_ended_transform_jobs_are_listed_only_around_their_marks(world: World) -> None:
    """Of 2,000 jobs that ended in three days those are listed that can be due, one page for each mark."""
    now = world.moment()
    world.sagemaker.listings.most = 100
    for number in range(2000):
        ended = now - timedelta(minutes=2) * number
        transform(world, number, ended - HOUR, "Completed", ended=ended)
        world.sagemaker.jobs[f"other-{number}"] = {
            **world.sagemaker.jobs[next(reversed(world.sagemaker.jobs))],
            "TransformJobName": f"other-{number}",
        }
    answers: list[int] = []
    lists = world.sagemaker.do_list_transform_jobs

    def counted(**asked: Any) -> Any:
        answer = lists(**asked)
        answers.append(len(answer["TransformJobSummaries"]))
        return answer

    vars(world.sagemaker)["do_list_transform_jobs"] = counted
    due = listed(world, now)
    assert len(due) == sum(overdue.due(timedelta(minutes=2) * number) for number in range(2000))
    assert len(answers) == 2 * len(EXPECTED)
    assert sum(answers) <= 2 * len(due) + 6 * len(EXPECTED)


def test_a_place_is_the_same_wherever_the_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next invocation compares it with its own."""
    job = Job(Look.REPORT, datetime(2026, 11, 22, 15, 40, 22, tzinfo=UTC), "digits-1")
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        place = job.place
    time.tzset()
    assert place == "4 2026-11-22T15:40:22.000000 digits-1"
