"""The one decision about a run: written once, and read by all who follow it."""

import json
from dataclasses import replace

import pytest

from batch_prediction.aws import objects
from batch_prediction.aws.clients import Clients
from batch_prediction.runs import decision
from batch_prediction.runs.decision import GiveUp, Refuse
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


def test_a_reason_code_is_read_as_one_and_a_later_version_s_as_unknown(aws: Clients) -> None:
    """What a decision of another version carries never fails the reader."""
    decision.take(aws.s3, BUCKET, RUN, Refuse(1, 0, 0, "too many", ReasonCode.TOO_MANY_IMAGES))
    found = decision.must_read(aws.s3, BUCKET, RUN)
    assert isinstance(found, Refuse)
    assert found.reason_code is ReasonCode.TOO_MANY_IMAGES

    later = objects.to_json({"schema": decision.SCHEMA, "reason": "x", "reason_code": "LATER", "new": 1})
    aws.s3.put_object(Bucket=BUCKET, Key=RUN.gave_up, Body=later)
    assert decision.given_up(aws.s3, BUCKET, RUN) == GiveUp("x", ReasonCode.UNKNOWN)


def test_a_decision_of_an_earlier_version_has_defaults_for_what_it_lacks(aws: Clients) -> None:
    """Runs that were decided before a deployment go on after it: no price, no digests, an unknown reason."""
    decision.take(aws.s3, BUCKET, RUN, DECISION)
    content = json.loads(aws.s3.get_object(Bucket=BUCKET, Key=RUN.decision)["Body"].read())
    for field in ("price_per_hour", "digests"):
        del content[field]
    aws.s3.put_object(Bucket=BUCKET, Key=RUN.decision, Body=objects.to_json(content))
    found = decision.must_read(aws.s3, BUCKET, RUN)
    assert found == replace(DECISION, price_per_hour=None, digests=None)
    assert Refuse(1, 0, 0, "x").reason_code is GiveUp("x").reason_code is ReasonCode.UNKNOWN


def test_a_decision_says_which_run_it_is_about(aws: Clients) -> None:
    """run.json is read by people, too: its schema, what was decided, the batch and the run come first."""
    decision.take(aws.s3, BUCKET, RUN, Refuse(3, 2, 1, "no model", ReasonCode.NO_APPROVED_MODEL))
    content = json.loads(aws.s3.get_object(Bucket=BUCKET, Key=RUN.decision)["Body"].read())
    assert content == {
        "schema": "digit-batch/run/1",
        "decision": "refuse",
        "batch": RUN.batch,
        "run": RUN.id,
        "lines": 3,
        "labelled": 2,
        "left_out": 1,
        "reason": "no model",
        "reason_code": "NO_APPROVED_MODEL",
    }


def test_a_run_that_was_given_up_keeps_its_first_reason(aws: Clients) -> None:
    """None before that; whoever gives it up again changes nothing."""
    assert decision.given_up(aws.s3, BUCKET, RUN) is None
    for reason in ("first", "second"):
        decision.give_up(aws.s3, BUCKET, RUN, GiveUp(reason, ReasonCode.QUOTA))
    assert decision.given_up(aws.s3, BUCKET, RUN) == GiveUp("first", ReasonCode.QUOTA)
    content = json.loads(aws.s3.get_object(Bucket=BUCKET, Key=RUN.gave_up)["Body"].read())
    assert content == {"schema": "digit-batch/run/1", "reason": "first", "reason_code": "QUOTA"}


def test_a_run_without_a_decision_is_an_error_where_one_is_needed(aws: Clients) -> None:
    """It names the object that is missing."""
    assert decision.read(aws.s3, BUCKET, RUN) is None
    with pytest.raises(LookupError, match=rf"s3://{BUCKET}/{RUN.decision}: expected the run's decision"):
        decision.must_read(aws.s3, BUCKET, RUN)
