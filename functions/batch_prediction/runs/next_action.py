"""What a run needs next: one pure function of its newest transform job."""

from enum import Enum, auto

TRIES = 3  # transform jobs of one run, at most
ENDED = ("Completed", "Failed", "Stopped")
# How FailureReason begins when the fault was the service's own, and the same request may succeed.
_OF_THE_SERVICE = "InternalServerError"


class Step(Enum):
    """What a run needs next."""

    START = auto()  # its first or next transform job
    WAIT = auto()  # nothing: the newest job hasn't ended
    REPORT = auto()  # its report: the newest job is the last


def next_step(tries: int, status: str | None, reason: str | None) -> Step:
    """Decide by the number of jobs that there are, and the newest one's status and FailureReason.

    A status that isn't known is one of a job that still runs: nothing is reported too early.
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTransformJob.html
    """
    if tries == 0:
        return Step.START
    if status not in ENDED:
        return Step.WAIT
    again = status == "Failed" and (reason or "").startswith(_OF_THE_SERVICE) and tries < TRIES
    return Step.START if again else Step.REPORT
