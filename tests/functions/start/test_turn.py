"""Of the runs that wait for the same, those that have waited longest go first."""

from dataclasses import replace
from typing import Any

import pytest

from batch_prediction.aws.clients import Clients
from batch_prediction.events import AttemptRequested
from batch_prediction.layout import Run
from batch_prediction.runs import decision, transform_job
from batch_prediction.settings import Settings
from batch_prediction.start import turn
from batch_prediction.start.run import Decided, start_run
from batch_prediction.start.turn import Line, Place
from batch_prediction.start.waiting import StillWaiting, WaitTimes
from tests.functions.models.training_jobs import register
from tests.functions.start.uploads import DECISION, RUN, content
from tests.settings_and_events import BUCKET, SETTINGS
from tests.simulation.faults import refusal

NOW = 1_795_000_000.0
OTHER = Run("b8", "20261122t154022z-99999999")


def run(number: int) -> Run:
    """One of many."""
    return Run("many", f"20261122t154022z-{number:08x}")


def line(aws: Clients, now: float = NOW) -> Line:
    """The line as it stands in the bucket."""
    return turn.line(aws.s3, BUCKET, DECISION, now)


def refuse(aws: Clients, which: Run, capacity: float, now: float = NOW) -> None:
    """A run is refused after so many seconds of waiting."""
    line(aws, now).refused(aws.s3, which, WaitTimes(capacity=capacity, at=now))


def has_turn(aws: Clients, which: Run, capacity: float, now: float = NOW) -> bool:
    """Whether a run that has waited so many seconds may ask."""
    return line(aws, now).is_turn_of(which, WaitTimes(capacity=capacity, at=now))


def test_where_nobody_waits_everybody_has_their_turn(aws: Clients) -> None:
    """A new run asks at once, and one that stands in the line alone asks again."""
    assert has_turn(aws, RUN, 0.0)
    refuse(aws, RUN, 0.0)
    assert has_turn(aws, RUN, 5000.0, NOW + 60)


@pytest.mark.parametrize(
    ("longest", "enough"), [(301.0, 1.0), (1500.0, 1200.0), (3600.0, 2880.0), (50_000.0, 40_000.0)]
)
def test_a_run_has_its_turn_when_it_has_waited_nearly_as_long_as_the_first(
    aws: Clients, longest: float, enough: float
) -> None:
    """All but five minutes, or four fifths where that is less."""
    refuse(aws, run(1), longest - 1)
    refuse(aws, OTHER, longest)
    assert has_turn(aws, RUN, enough)
    assert not has_turn(aws, RUN, enough - 1)
    assert has_turn(aws, RUN, longest + 5)


def test_what_has_waited_longest_stands_in_the_line_in_its_order(aws: Clients) -> None:
    """Whoever is refused has a place, with since when it waits; nobody has two."""
    refuse(aws, RUN, 100.0)
    refuse(aws, OTHER, 120.0)
    refuse(aws, run(1), 110.0)
    refuse(aws, RUN, 400.0, NOW + 300)
    assert line(aws, NOW + 300).places == [
        Place(OTHER.prefix, NOW - 120, NOW),
        Place(run(1).prefix, NOW - 110, NOW),
        Place(RUN.prefix, NOW - 100, NOW + 300),
    ]


def test_a_full_line_is_of_those_that_have_waited_longest(aws: Clients) -> None:
    """Of 31 that came a second after each other the last has no place, and no turn until another has left."""
    for number in range(31):
        refuse(aws, run(number), 100.0 - number)
    assert [place.run for place in line(aws).places] == [run(number).prefix for number in range(30)]
    assert has_turn(aws, run(29), 71.0)
    assert not has_turn(aws, run(30), 70.0)
    assert has_turn(aws, OTHER, 71.0)
    assert has_turn(aws, OTHER, 99.5)
    refuse(aws, OTHER, 99.5)
    assert [place.run for place in line(aws).places][:2] == [run(0).prefix, OTHER.prefix]
    assert not has_turn(aws, run(29), 70.9)
    line(aws).leave(aws.s3, run(3))
    assert has_turn(aws, run(30), 70.0)


def test_a_run_that_is_not_heard_of_any_more_holds_nobody_up(aws: Clients) -> None:
    """Its message is in a dead-letter queue, perhaps: after ten minutes it has no place."""
    refuse(aws, OTHER, 5000.0)
    assert not has_turn(aws, RUN, 0.0, NOW + 600)
    assert has_turn(aws, RUN, 0.0, NOW + 601)
    refuse(aws, RUN, 10.0, NOW + 601)
    assert [place.run for place in line(aws, NOW + 601).places] == [RUN.prefix]


@pytest.fixture
def written(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys that are written."""
    keys: list[str] = []
    put = aws.s3.put_object

    def write(**request: Any) -> Any:
        keys.append(request["Key"])
        return put(**request)

    monkeypatch.setattr(aws.s3, "put_object", write)
    return keys


def test_that_a_run_still_waits_is_noted_now_and_then(aws: Clients, written: list[str]) -> None:
    """It asks once a minute, and the line is written every four: well before its place is lost."""
    noted: list[int] = []
    for minute in range(13):
        now = NOW + 60 * minute
        refuse(aws, RUN, now - NOW, now)
        assert line(aws, now + 60).places
        noted.append(len(written))
    assert noted == [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4]


def test_who_leaves_gives_its_place_away_and_no_other(aws: Clients, written: list[str]) -> None:
    """A run that has no place writes nothing."""
    refuse(aws, OTHER, 5000.0)
    line(aws).leave(aws.s3, RUN)
    assert len(written) == 1
    assert not has_turn(aws, RUN, 0.0)
    line(aws).leave(aws.s3, OTHER)
    assert written == ["waiting/ml.m5.large/1.json"] * 2
    assert line(aws).places == []
    assert has_turn(aws, RUN, 0.0)


@pytest.mark.parametrize("other", [{"instance_type": "ml.c5.large"}, {"instance_count": 2}])
def test_who_waits_for_something_else_is_in_another_line(aws: Clients, other: dict[str, Any]) -> None:
    """A quota that is too small for a large batch, or for another type, holds up its own kind alone."""
    refuse(aws, OTHER, 5000.0)
    elsewhere = turn.line(aws.s3, BUCKET, replace(DECISION, **other), NOW)
    assert elsewhere.is_turn_of(RUN, WaitTimes(at=NOW))
    elsewhere.refused(aws.s3, RUN, WaitTimes(at=NOW))
    assert [place.run for place in line(aws).places] == [OTHER.prefix]
    assert len(content(aws, "waiting/")) == 2


@pytest.fixture
def decided(aws: Clients, settings: Settings) -> Settings:
    """RUN is decided, with an approved package, in a stack with these settings; it needs its first job."""
    package = register(aws, settings, "digits-1", 0.99).arn
    taken = replace(DECISION, model_package=package, model=transform_job.model_name(SETTINGS, package))
    decision.take(aws.s3, BUCKET, RUN, taken)
    return settings


def start(
    aws: Clients, settings: Settings, waited: WaitTimes, refused: str | None = None
) -> Decided | StillWaiting:
    """The outcome, where CreateTransformJob answers an error or not; it is asked once, or not at all."""
    asked: list[str] = []
    create = aws.sagemaker.create_transform_job

    def answer(**request: Any) -> Any:
        asked.append(request["TransformJobName"])
        if refused:
            raise refusal("CreateTransformJob", refused, 400)
        return create(**request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aws.sagemaker, "create_transform_job", answer)
        outcome = start_run(aws, settings, AttemptRequested(RUN), waited)
    stands_back = isinstance(outcome, StillWaiting) and not outcome.in_turn
    assert len(asked) == (0 if stands_back else 1)
    return outcome


def test_a_run_that_came_late_stands_back(aws: Clients, decided: Settings) -> None:
    """SageMaker isn't asked for its job, and the first keeps its place."""
    refuse(aws, OTHER, 5000.0)
    outcome = start(aws, decided, WaitTimes(capacity=1000, at=NOW))
    assert outcome == StillWaiting("capacity", "runs that have waited longer go first", in_turn=False)
    assert aws.sagemaker.list_transform_jobs()["TransformJobSummaries"] == []
    assert line(aws).places == [Place(OTHER.prefix, NOW - 5000, NOW)]


def test_a_run_that_is_refused_stands_in_line(aws: Clients, decided: Settings) -> None:
    """A quota that is used up is what the others wait for, too."""
    outcome = start(aws, decided, WaitTimes(capacity=70, at=NOW), "ResourceLimitExceeded")
    assert isinstance(outcome, StillWaiting)
    assert (outcome.cause, outcome.in_turn) == ("capacity", True)
    assert line(aws).places == [Place(RUN.prefix, NOW - 70, NOW)]


def test_a_run_that_is_refused_again_keeps_its_place(aws: Clients, decided: Settings) -> None:
    """It leaves the line when it has its job, not when it asks."""
    start(aws, decided, WaitTimes(capacity=70, at=NOW), "ResourceLimitExceeded")
    start(aws, decided, WaitTimes(capacity=130, at=NOW + 60), "ResourceLimitExceeded")
    assert line(aws, NOW + 60).places == [Place(RUN.prefix, NOW - 70, NOW)]


def test_throttling_makes_no_line(aws: Clients, decided: Settings) -> None:
    """It says nothing about free slots."""
    start(aws, decided, WaitTimes(capacity=70, at=NOW), "ThrottlingException")
    assert content(aws, "waiting/") == {}


def test_the_first_gets_its_job_and_leaves(aws: Clients, decided: Settings) -> None:
    """The next new run needn't stand back."""
    refuse(aws, RUN, 70.0)
    outcome = start(aws, decided, WaitTimes(capacity=100, at=NOW + 30))
    assert isinstance(outcome, Decided)
    assert len(aws.sagemaker.list_transform_jobs()["TransformJobSummaries"]) == 1
    assert line(aws, NOW + 31).places == []
    assert has_turn(aws, OTHER, 0.0, NOW + 31)


def test_a_run_whose_wait_is_over_asks_a_last_time(aws: Clients, decided: Settings) -> None:
    """Whoever is before it: it gets its job, or is given up with SageMaker's words."""
    refuse(aws, OTHER, 1e6)
    limit = SETTINGS.wait_for_capacity_hours * 3600
    outcome = start(aws, decided, WaitTimes(capacity=limit, at=NOW), "ResourceLimitExceeded")
    assert isinstance(outcome, Decided)
    why = decision.given_up(aws.s3, BUCKET, RUN)
    assert why is not None
    assert why.reason_code == "QUOTA"
    assert line(aws).places == [Place(OTHER.prefix, NOW - 1e6, NOW)]


def test_a_line_that_cannot_be_kept_is_waited_for(
    aws: Clients, decided: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 throttles while the run is refused: it waits on, like any run that something busy holds up."""

    def busy(**_: Any) -> None:
        raise refusal("PutObject", "SlowDown", 503)

    monkeypatch.setattr(aws.s3, "put_object", busy)
    outcome = start(aws, decided, WaitTimes(capacity=70, at=NOW), "ResourceLimitExceeded")
    assert isinstance(outcome, StillWaiting)
    assert outcome.cause == "capacity"


def test_a_job_that_was_started_is_not_given_up(
    aws: Clients, decided: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 throttles when the first has its job in the end: nothing is written about giving up."""
    limit = SETTINGS.wait_for_capacity_hours * 3600
    refuse(aws, RUN, limit)

    def busy(**_: Any) -> None:
        raise refusal("PutObject", "SlowDown", 503)

    with monkeypatch.context() as patch:
        patch.setattr(aws.s3, "put_object", busy)
        outcome = start(aws, decided, WaitTimes(capacity=limit, at=NOW))
    assert isinstance(outcome, Decided)
    assert decision.given_up(aws.s3, BUCKET, RUN) is None
