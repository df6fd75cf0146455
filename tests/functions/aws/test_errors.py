"""What an AWS error means."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from batch_prediction.aws import errors
from tests.simulation.faults import refusal


@pytest.mark.parametrize(
    ("code", "status", "busy"),
    [
        ("ResourceLimitExceeded", 400, True),
        ("RequestLimitExceeded", 400, True),
        ("ServiceUnavailable", 400, True),
        ("SlowDown", 400, True),
        ("Throttling", 400, True),
        ("ThrottlingException", 400, True),
        ("TooManyRequestsException", 400, True),
        ("SlowDown", 503, True),
        ("InternalFailure", 500, True),
        ("Unknown", 429, True),
        ("Unknown", 428, False),
        ("Unknown", 430, False),
        ("Unknown", 499, False),
        ("ValidationException", 400, False),
        ("AccessDeniedException", 403, False),
    ],
)
def test_what_is_busy_is_waited_for_and_nothing_else(code: str, status: int, busy: bool) -> None:
    """Throttling, limits and errors of the service pass; a request that is wrong stays wrong."""
    assert errors.is_busy(refusal("CreateTransformJob", code, status)) is busy


@pytest.mark.parametrize("answer", [{}, {"ResponseMetadata": {}}])
def test_an_error_without_a_status_has_the_status_zero(answer: Any) -> None:
    """Botocore makes such errors by itself: it isn't busy, and has no status of a conditional write."""
    error = ClientError({"Error": {"Code": "Other", "Message": ""}} | answer, "PutObject")
    assert errors.status(error) == 0
    assert not errors.is_busy(error)
