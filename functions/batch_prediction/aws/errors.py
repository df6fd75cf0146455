"""What an AWS error means: whether the service may take the same request later."""

from botocore.exceptions import ClientError

QUOTA_EXCEEDED = "ResourceLimitExceeded"
_BUSY = {  # of https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html, and S3's
    QUOTA_EXCEEDED,
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}


def code(error: ClientError) -> str:
    """The service's code of an error, such as `ValidationException`."""
    return str(error.response["Error"]["Code"])


def status(error: ClientError) -> int:
    """The HTTP status of an error; 0 where the service gave none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def is_busy(error: ClientError) -> bool:
    """Whether a service refuses what it may take later: throttling, a limit, an error of its own."""
    return code(error) in _BUSY or status(error) == 429 or status(error) >= 500
