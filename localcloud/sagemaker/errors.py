"""What requests to SageMaker are refused with, and what its jobs end with."""

from moto.sagemaker.exceptions import SagemakerClientError

INTERNAL_ERROR = "InternalServerError: We encountered an internal error. Please try again."

CAPACITY_ERROR = (
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML "
    "instance type."
)


class JobFailed(Exception):  # noqa: N818 - it names the status that the job ends with
    """The job ends as Failed; the message is its FailureReason."""


class JobStopped(Exception):  # noqa: N818 - it names the status that the job ends with
    """The job ends as Stopped; the message is its secondary status, where it has one."""


def invalid(message: str) -> SagemakerClientError:
    """Make the ValidationException that SageMaker answers."""
    return SagemakerClientError("ValidationException", message)


def name_taken(arn: str) -> SagemakerClientError:
    """Make the ResourceInUse that SageMaker answers when a job of this name exists, whatever its status."""
    return SagemakerClientError(
        "ResourceInUse",
        "Job name must be unique within an AWS account and region, and a job with this name already exists "
        f"({arn})",
    )


def tuning_name_taken(name: str) -> SagemakerClientError:
    """Make the ResourceInUse that SageMaker answers when a tuning job of this name exists."""
    return SagemakerClientError(
        "ResourceInUse",
        f"A hyperparameter tuning job with the name, {name}, already exists. Choose a different name.",
    )


class ObjectFailed(Exception):  # noqa: N818 - a failed object is documented behaviour of a job that goes on
    """An input object of a transform job gets no output; the job goes on with the others and ends as Failed.

    `reason` is the beginning of the job's FailureReason: whose fault it was.
    """

    def __init__(self, message: str, reason: str = "ClientError") -> None:
        super().__init__(message)
        self.reason = reason
