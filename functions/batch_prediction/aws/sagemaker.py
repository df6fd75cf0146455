"""Rules about SageMaker's answers: what doesn't exist, and who took a name."""

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from botocore.exceptions import ClientError

from batch_prediction.aws.errors import code

Description = TypeVar("Description")
# The texts of a ValidationException about what doesn't exist: "Could not find requested job with name",
# "Could not find model", "Requested resource not found.", "… does not exist".
_ABSENT = re.compile("not exist|not find|not found", re.IGNORECASE)


def is_absent(error: ClientError) -> bool:
    """Whether an error says that the requested resource doesn't exist.

    Tuning jobs have a code for it, https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html;
    of everything else only the text of a ValidationException says so.
    """
    if code(error) == "ResourceNotFound":
        return True
    return code(error) == "ValidationException" and bool(_ABSENT.search(error.response["Error"]["Message"]))


def describe_or_none(describe: Callable[[], Description]) -> Description | None:
    """The answer to a Describe request; None if SageMaker says that the resource doesn't exist."""
    try:
        return describe()
    except ClientError as error:
        if is_absent(error):
            return None
        raise


def verify_same_request(
    what: str, taken: ClientError | None, request: Mapping[str, object], found: Mapping[str, object]
) -> None:
    """A name that is taken is a success when the same request took it; RuntimeError otherwise."""
    if difference := _difference(request, found):
        raise RuntimeError(f"{what}: the name is taken by something else; {difference}") from taken


def _difference(expected: object, found: object, path: str = "") -> str | None:
    """Where `found` lacks or contradicts what is expected; what it has beyond that doesn't matter."""
    if isinstance(expected, dict) and isinstance(found, dict):
        below = (_difference(value, found.get(name), f"{path}.{name}") for name, value in expected.items())
        return next((difference for difference in below if difference), None)
    return None if expected == found else f"{path[1:]}: expected {expected!r}, found {found!r}"
