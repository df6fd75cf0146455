"""The one decision about a run: written once, and read by all who follow it."""

from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from batch_prediction.aws.clients import Clients
from batch_prediction.runs import decision
from batch_prediction.runs.decision import Refuse
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


class Answer:
    """An HTTP answer without a body."""

    def stream(self) -> list[bytes]:
        """Nothing to read."""
        return []


def test_a_conflicting_write_is_repeated(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 answers 409 while another conditional write is under way: the decision is written after that."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    conflicts = iter([409, 409])

    def answer(**_request: Any) -> AWSResponse | None:
        status = next(conflicts, None)
        return None if status is None else AWSResponse("", status, HTTPHeaders(), Answer())

    events: Any = aws.s3.meta.events
    events.register_first("before-send.s3.PutObject", answer)
    taken = decision.take(aws.s3, BUCKET, RUN, DECISION)
    assert next(conflicts, None) is None
    assert decision.read(aws.s3, BUCKET, RUN) == taken == DECISION


def test_a_decision_of_another_version_is_named(aws: Clients) -> None:
    """What can't be read says which key it is, what was expected, and what to do."""
    aws.s3.put_object(Bucket=BUCKET, Key=RUN.decision, Body=b'{"schema": "digit-batch/run/9"}')
    with pytest.raises(
        ValueError, match=r"run\.json: expected the schema digit-batch/run/1, found .*/run/9'"
    ):
        decision.read(aws.s3, BUCKET, RUN)
