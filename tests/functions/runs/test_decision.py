"""The one decision about a run: written once, and read by all who follow it."""

import pytest

from batch_prediction.aws.clients import Clients
from batch_prediction.runs import decision
from batch_prediction.runs.decision import Refuse
from tests.functions.start.uploads import (
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
