"""Why a run wasn't completed, as a code for programs; the sentence next to it is for people.

The codes are part of report.json (docs/report.schema.json): a code is never renamed or given another meaning.
"""

from enum import StrEnum

from batch_prediction.aws import capacity


class ReasonCode(StrEnum):
    """What kept a run from being completed."""

    # Refused before a transform job
    NO_MANIFEST = "NO_MANIFEST"  # objects that nothing has started from, found by the sweep
    MANIFEST_UNREADABLE = "MANIFEST_UNREADABLE"
    ARCHIVE_UNREADABLE = "ARCHIVE_UNREADABLE"
    NO_USABLE_LINES = "NO_USABLE_LINES"
    TOO_MANY_IMAGES = "TOO_MANY_IMAGES"
    NO_APPROVED_MODEL = "NO_APPROVED_MODEL"
    # No (further) transform job could be started
    MODEL_WITHDRAWN = "MODEL_WITHDRAWN"  # the package that was chosen is rejected or deleted now
    QUOTA = "QUOTA"  # the account's limit of instances
    THROTTLED = "THROTTLED"  # AWS answered that it was too busy, for all of WaitForCapacityHours
    REQUEST_REFUSED = "REQUEST_REFUSED"  # SageMaker takes the request for invalid
    # The transform job ended, and its predictions can't be used
    STOPPED = "STOPPED"
    SERVICE_FAULT = "SERVICE_FAULT"  # SageMaker's own
    NO_CAPACITY = "NO_CAPACITY"  # AWS had no such instance, for all of WaitForCapacityHours
    INPUT_UNUSABLE = "INPUT_UNUSABLE"  # artifact, image or input can't be read
    CONTAINER_FAILED = "CONTAINER_FAILED"
    OUTPUT_INCOMPLETE = "OUTPUT_INCOMPLETE"  # Completed, but the output isn't the input with an answer each
    # Written by another version of this stack, which kept no code, or one that this version doesn't know
    UNKNOWN = "UNKNOWN"

    @classmethod
    def read(cls, text: str | None) -> "ReasonCode":
        """The code that an object in the bucket carries; UNKNOWN for none and for a later version's."""
        return cls(text) if text in set(cls) else cls.UNKNOWN

    def __repr__(self) -> str:
        return repr(self.value)  # as in the objects, for logs


# How the FailureReason of a transform job begins, by what it means.
SERVICE_FAULT_PREFIX = "InternalServerError"
_PREFIXES = {
    SERVICE_FAULT_PREFIX: ReasonCode.SERVICE_FAULT,
    capacity.FAILURE_PREFIX: ReasonCode.NO_CAPACITY,
    "ResourceLimitExceeded": ReasonCode.QUOTA,
    "ClientError": ReasonCode.INPUT_UNUSABLE,
}


def of_ended_job(status: str, failure_reason: str | None) -> ReasonCode:
    """The code of a run without predictions whose newest transform job ended so.

    A Completed job has no predictions because its output isn't the input with an answer on each line.
    """
    if status == "Completed":
        return ReasonCode.OUTPUT_INCOMPLETE
    if status == "Stopped":
        return ReasonCode.STOPPED
    for prefix, code in _PREFIXES.items():
        if (failure_reason or "").startswith(prefix):
            return code
    return ReasonCode.CONTAINER_FAILED
