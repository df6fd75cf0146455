"""Of the runs that wait for the same, those that have waited longest go first."""

import json
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
from batch_prediction.start.turn import First
from batch_prediction.start.waiting import StillWaiting, WaitTimes
from tests.functions.models.training_jobs import register
from tests.functions.start.uploads import DECISION, RUN, content
from tests.settings_and_events import BUCKET, SETTINGS
from tests.simulation.faults import refusal

KEY = "waiting/ml.m5.large/1.json"
NOW = 1_795_000_000.0
OTHER = Run("b8", "20261122t154022z-99999999")


def first(aws: Clients, key: str = KEY) -> First | None:
    """Who stands in the bucket."""
    body = content(aws, "waiting/").get(key, b"null")
    found = json.loads(body)
    return None if found is None else First(**found)


def stay(aws: Clients, run: Run, capacity: float, now: float = NOW) -> None:
    """A run is refused after so many seconds of waiting."""
    turn.line(aws.s3, BUCKET, DECISION, now).stay(aws.s3, run, WaitTimes(capacity=capacity, at=now))


def behind(aws: Clients, capacity: float, now: float = NOW) -> float:
    """By how many seconds a run that has waited so long came too late."""
    return turn.line(aws.s3, BUCKET, DECISION, now).behind(WaitTimes(capacity=capacity, at=now))


def test_where_nobody_waits_everybody_has_their_turn(aws: Clients) -> None:
    """A new run asks at once."""
    assert behind(aws, 0.0) == 0


@pytest.mark.parametrize(
    ("longest", "enough"),
    [(300.0, 0.0), (301.0, 1.0), (1500.0, 1200.0), (3600.0, 2880.0), (50_000.0, 40_000.0)],
)
def test_a_run_has_its_turn_when_it_has_waited_nearly_as_long_as_the_first(
    aws: Clients, longest: float, enough: float
) -> None:
    """All but five minutes, or four fifths where that is less."""
    stay(aws, OTHER, longest)
    assert behind(aws, enough) == 0
    assert behind(aws, enough - 1) == pytest.approx(1)
    assert behind(aws, longest + 5) == 0


def test_the_first_is_the_one_that_has_waited_longest(aws: Clients) -> None:
    """Who has waited longer takes the place, who has not leaves it; the first says that it still waits."""
    stay(aws, RUN, 100.0)
    assert first(aws) == First(RUN.prefix, NOW - 100, NOW)
    stay(aws, OTHER, 100.0)
    stay(aws, OTHER, 99.0)
    assert first(aws) == First(RUN.prefix, NOW - 100, NOW)
    stay(aws, RUN, 160.0, NOW + 60)
    assert first(aws) == First(RUN.prefix, NOW - 100, NOW + 60)
    stay(aws, OTHER, 161.0, NOW + 60)
    assert first(aws) == First(OTHER.prefix, NOW - 101, NOW + 60)


def test_a_first_that_is_not_heard_of_any_more_holds_nobody_up(aws: Clients) -> None:
    """Its message is in a dead-letter queue, perhaps: after 15 minutes the next one takes its place."""
    stay(aws, OTHER, 5000.0)
    assert behind(aws, 0.0, NOW + 900) > 0
    assert behind(aws, 0.0, NOW + 901) == 0
    stay(aws, RUN, 10.0, NOW + 901)
    assert first(aws) == First(RUN.prefix, NOW + 891, NOW + 901)


def test_only_the_first_leaves_the_place_free(aws: Clients) -> None:
    """Another run's start says nothing about it."""
    stay(aws, OTHER, 5000.0)
    turn.line(aws.s3, BUCKET, DECISION, NOW).leave(aws.s3, RUN)
    assert behind(aws, 0.0) > 0
    turn.line(aws.s3, BUCKET, DECISION, NOW).leave(aws.s3, OTHER)
    assert first(aws) is None
    assert behind(aws, 0.0) == 0
    stay(aws, RUN, 10.0)
    assert first(aws) == First(RUN.prefix, NOW - 10, NOW)


@pytest.mark.parametrize("other", [{"instance_type": "ml.c5.large"}, {"instance_count": 2}])
def test_who_waits_for_something_else_is_in_another_line(aws: Clients, other: dict[str, Any]) -> None:
    """A quota that is too small for a large batch, or for another type, holds up its own kind alone."""
    stay(aws, OTHER, 5000.0)
    line = turn.line(aws.s3, BUCKET, replace(DECISION, **other), NOW)
    assert line.behind(WaitTimes(at=NOW)) == 0
    line.stay(aws.s3, RUN, WaitTimes(at=NOW))
    assert first(aws) == First(OTHER.prefix, NOW - 5000, NOW)
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
    stands_back = isinstance(outcome, StillWaiting) and outcome.behind > 0
    assert len(asked) == (0 if stands_back else 1)
    return outcome


def test_a_run_that_came_late_stands_back(aws: Clients, decided: Settings) -> None:
    """SageMaker isn't asked for its job, and the first keeps its place."""
    stay(aws, OTHER, 5000.0)
    outcome = start(aws, decided, WaitTimes(capacity=1000, at=NOW))
    assert outcome == StillWaiting("capacity", "runs that have waited longer go first", pytest.approx(3000))
    assert aws.sagemaker.list_transform_jobs()["TransformJobSummaries"] == []
    assert first(aws) == First(OTHER.prefix, NOW - 5000, NOW)


def test_a_run_that_is_refused_stands_in_line(aws: Clients, decided: Settings) -> None:
    """A quota that is used up is what the others wait for, too."""
    outcome = start(aws, decided, WaitTimes(capacity=70, at=NOW), "ResourceLimitExceeded")
    assert isinstance(outcome, StillWaiting)
    assert (outcome.cause, outcome.behind) == ("capacity", 0)
    assert first(aws) == First(RUN.prefix, NOW - 70, NOW)


def test_throttling_makes_no_line(aws: Clients, decided: Settings) -> None:
    """It says nothing about free slots."""
    start(aws, decided, WaitTimes(capacity=70, at=NOW), "ThrottlingException")
    assert content(aws, "waiting/") == {}


def test_the_first_gets_its_job_and_leaves(aws: Clients, decided: Settings) -> None:
    """The next new run needn't stand back."""
    stay(aws, RUN, 70.0)
    outcome = start(aws, decided, WaitTimes(capacity=100, at=NOW + 30))
    assert isinstance(outcome, Decided)
    assert len(aws.sagemaker.list_transform_jobs()["TransformJobSummaries"]) == 1
    assert first(aws) is None
    assert behind(aws, 0.0, NOW + 31) == 0


def test_a_run_whose_wait_is_over_asks_a_last_time(aws: Clients, decided: Settings) -> None:
    """Whoever is before it: it gets its job, or is given up with SageMaker's words."""
    stay(aws, OTHER, 1e6)
    limit = SETTINGS.wait_for_capacity_hours * 3600
    outcome = start(aws, decided, WaitTimes(capacity=limit, at=NOW), "ResourceLimitExceeded")
    assert isinstance(outcome, Decided)
    why = decision.given_up(aws.s3, BUCKET, RUN)
    assert why is not None
    assert why.reason_code == "QUOTA"
    assert first(aws) == First(OTHER.prefix, NOW - 1e6, NOW)


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
    stay(aws, RUN, limit)

    def busy(**_: Any) -> None:
        raise refusal("PutObject", "SlowDown", 503)

    with monkeypatch.context() as patch:
        patch.setattr(aws.s3, "put_object", busy)
        outcome = start(aws, decided, WaitTimes(capacity=limit, at=NOW))
    assert isinstance(outcome, Decided)
    assert decision.given_up(aws.s3, BUCKET, RUN) is None
