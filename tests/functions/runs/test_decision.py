"""The one decision about a run: written once, and read by all who follow it."""

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from batch_prediction.aws.clients import Clients
from batch_prediction.runs import decision
from batch_prediction.runs.decision import Decision, GiveUp, Refuse
from batch_prediction.runs.reason_codes import ReasonCode
from tests.functions.start.uploads import (
    DECISION,
    RUN,
)
from tests.settings_and_events import BUCKET


def test_whoever_loses_the_conditional_write_follows_the_winner(aws: Clients) -> None:
    """Of two decisions about a run everybody follows the first one."""
    first, second = Refuse(1, 0, 0, "first"), Refuse(1, 0, 0, "second")
    assert decision.take(aws.s3, BUCKET, RUN, first) == first
    assert decision.take(aws.s3, BUCKET, RUN, second) == first
    assert decision.read(aws.s3, BUCKET, RUN) == first


def test_a_decision_of_another_version_is_named(aws: Clients) -> None:
    """What can't be read says which key it is, what was expected, and what to do."""
    aws.s3.put_object(Bucket=BUCKET, Key=RUN.decision, Body=b'{"schema": "digit-batch/run/9"}')
    with pytest.raises(
        ValueError, match=r"run\.json: expected the schema digit-batch/run/1, found .*/run/9'"
    ):
        decision.read(aws.s3, BUCKET, RUN)


def stored(aws: Clients, key: str) -> dict[str, Any]:
    """The content of an object of which there has been one version only."""
    (_,) = aws.s3.list_object_versions(Bucket=BUCKET, Prefix=key)["Versions"]
    content: dict[str, Any] = json.loads(aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    return content


@pytest.mark.parametrize(
    ("kind", "taken"),
    [
        ("start", replace(DECISION, lines=3, labelled=2, left_out=1, price_per_hour=0.1, digests=["a", "b"])),
        ("refuse", Refuse(3, 2, 1, "too many", ReasonCode.TOO_MANY_IMAGES)),
    ],
)
def test_a_decision_is_read_as_it_was_taken(aws: Clients, kind: str, taken: Decision) -> None:
    """run.json holds every field of it, its kind, and whose it is."""
    assert decision.take(aws.s3, BUCKET, RUN, taken) == taken
    head = {"schema": "digit-batch/run/1", "decision": kind, "batch": RUN.batch, "run": RUN.id}
    assert stored(aws, RUN.decision) == head | asdict(taken)
    assert decision.read(aws.s3, BUCKET, RUN) == decision.must_read(aws.s3, BUCKET, RUN) == taken


def test_a_decision_is_never_rewritten(aws: Clients) -> None:
    """Neither by the same decision nor by another one: there is one version of run.json."""
    for taken in (DECISION, DECISION, replace(DECISION, role="another"), Refuse(1, 0, 0, "why")):
        assert decision.take(aws.s3, BUCKET, RUN, taken) == DECISION
        assert stored(aws, RUN.decision)["role"] == DECISION.role


def test_what_a_run_was_first_given_up_for_stays(aws: Clients) -> None:
    """gave_up.json, too, is written once, and says nothing about what was decided."""
    assert decision.given_up(aws.s3, BUCKET, RUN) is None
    first = GiveUp("no instances", ReasonCode.QUOTA)
    for why in (first, GiveUp("rejected", ReasonCode.MODEL_WITHDRAWN)):
        decision.give_up(aws.s3, BUCKET, RUN, why)
        assert decision.given_up(aws.s3, BUCKET, RUN) == first
    assert stored(aws, RUN.gave_up) == {"schema": "digit-batch/run/1"} | asdict(first)
    assert decision.read(aws.s3, BUCKET, RUN) is None


def test_a_decision_of_an_earlier_version_has_the_defaults_of_what_it_lacks(aws: Clients) -> None:
    """What was written before a field existed lacks it; what a later version adds is ignored."""
    later = ("price_per_hour", "digests")
    old = {name: value for name, value in asdict(DECISION).items() if name not in later}
    head = {"schema": decision.SCHEMA, "decision": "start", "from the future": 1}
    aws.s3.put_object(Bucket=BUCKET, Key=RUN.decision, Body=json.dumps(head | old))
    assert decision.read(aws.s3, BUCKET, RUN) == replace(DECISION, price_per_hour=None, digests=None)
    counts = {"lines": 0, "labelled": 0, "left_out": 1}
    head = {"schema": decision.SCHEMA, "decision": "refuse"}
    for code in ({}, {"reason_code": "FROM_THE_FUTURE"}):
        aws.s3.put_object(
            Bucket=BUCKET, Key=RUN.decision, Body=json.dumps(head | counts | {"reason": "why"} | code)
        )
        read = decision.read(aws.s3, BUCKET, RUN)
        assert read == Refuse(0, 0, 1, "why", ReasonCode.UNKNOWN)
        aws.s3.put_object(Bucket=BUCKET, Key=RUN.gave_up, Body=json.dumps({"reason": "why"} | code))
        given_up = decision.given_up(aws.s3, BUCKET, RUN)
        assert given_up == GiveUp("why", ReasonCode.UNKNOWN)


def test_a_decision_that_nobody_took_is_an_error_that_names_its_key(aws: Clients) -> None:
    """Whoever needs one says which object was expected; whoever only asks is told that there is none."""
    assert decision.read(aws.s3, BUCKET, RUN) is None
    with pytest.raises(LookupError, match=f"s3://{BUCKET}/{RUN.decision}: expected the run's decision"):
        decision.must_read(aws.s3, BUCKET, RUN)
