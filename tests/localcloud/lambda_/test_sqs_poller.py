"""A batch's answer says which messages come back, in every form that Lambda documents."""

import json
from typing import Any

import pytest

from localcloud.lambda_.runtime_api import Invocation
from localcloud.lambda_.sqs_poller import failed_messages

BATCH = {"1", "2"}


def answered(answer: Any) -> Invocation:
    """An invocation that succeeded with this answer."""
    invocation = Invocation(b"{}")
    invocation.succeed(json.dumps(answer).encode())
    return invocation


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (None, set()),
        ({}, set()),
        ({"batchItemFailures": []}, set()),
        ({"batchItemFailures": None}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "2"}]}, {"2"}),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, BATCH),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, BATCH),
        ({"batchItemFailures": [{"itemIdentifier": "3"}]}, BATCH),
        ({"batchItemFailures": [{"wrong": "2"}]}, BATCH),
        ("done", BATCH),
    ],
)
def test_a_partial_response_names_the_messages_to_redeliver(answer: Any, failed: set[str]) -> None:
    """Nothing named is success; a malformed or unknown name fails the whole batch."""
    assert failed_messages(answered(answer), BATCH, partial=True) == failed


def test_without_report_batch_item_failures_the_answer_does_not_count() -> None:
    """A mapping without ReportBatchItemFailures deletes all that was handled without an error."""
    answer = answered({"batchItemFailures": [{"itemIdentifier": "2"}]})
    assert failed_messages(answer, BATCH, partial=False) == set()


def test_after_an_error_the_whole_batch_is_redelivered() -> None:
    """An error of the function fails every message, whatever its answer."""
    invocation = Invocation(b"{}")
    invocation.fail(b'{"errorMessage": "no"}')
    assert failed_messages(invocation, BATCH, partial=True) == BATCH
