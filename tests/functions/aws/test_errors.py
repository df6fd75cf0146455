"""What an AWS error means."""

import pytest

from batch_prediction.aws import errors
from tests.simulation.faults import refusal


@pytest.mark.parametrize(
    ("code", "status", "busy"),
    [
        ("ResourceLimitExceeded", 400, True),
        ("ThrottlingException", 400, True),
        ("SlowDown", 503, True),
        ("InternalFailure", 500, True),
        ("ValidationException", 400, False),
        ("AccessDeniedException", 403, False),
    ],
)
def test_what_is_busy_is_waited_for_and_nothing_else(code: str, status: int, busy: bool) -> None:
    """Throttling, limits and errors of the service pass; a request that is wrong stays wrong."""
    assert errors.is_busy(refusal("CreateTransformJob", code, status)) is busy
