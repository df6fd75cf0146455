"""What counts as a refusal, which fails a resource, and what is a bug, which fails the request loudly."""

import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError
from moto.cloudformation.exceptions import UnformattedGetAttTemplateException, ValidationError
from moto.core.exceptions import ServiceException
from werkzeug.exceptions import HTTPException

from localcloud.cloudformation.errors import PropertyRefusedError
from localcloud.cloudformation.statuses import INTERNAL_FAILURE
from localcloud.core.cloud import CloudError
from localcloud.iam.errors import PolicyError
from localcloud.lambda_.errors import UnsupportedRuntimeError

_DECLARED = (CloudError, PolicyError, PropertyRefusedError, UnsupportedRuntimeError)
_MOTOS = (HTTPException, ServiceException, UnformattedGetAttTemplateException)
# moto warns of each code that a service's model doesn't list
warnings.filterwarnings("ignore", message=r"Exception\(InternalFailureError\)")


class InternalFailureError(ServiceException):
    """The local cloud itself has failed; its status is 400, so that clients don't repeat the request."""

    code = INTERNAL_FAILURE


def is_refusal(error: Exception) -> bool:
    """Whether a service, moto or the local cloud has refused a request; all else is a bug.

    A service that answers with a status from 500 on has failed, not refused.
    """
    if isinstance(error, ClientError):
        return bool(error.response["ResponseMetadata"]["HTTPStatusCode"] < 500)
    return isinstance(error, (*_DECLARED, *_MOTOS, ParamValidationError))


@contextmanager
def moto_reads() -> Iterator[None]:
    """Turn what moto can't read in a template into a PropertyRefusedError.

    moto validates little: a property that is missing or malformed is a KeyError or the like, raised in moto's
    own code. Raised in ours, the same error is a bug, and goes on as it is. Known limit: a wrong
    value that our code hands to moto is raised by moto, and read as a property's.
    """
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        if _place(error).startswith("moto."):
            raise PropertyRefusedError(
                f"the property {error} is missing or malformed ({type(error).__name__})"
            ) from error
        raise


def _place(error: Exception) -> str:
    """The module of moto or of the local cloud that has raised an error, itself or by what it calls."""
    modules = [str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    return next(name for name in reversed(modules) if name.startswith(("moto.", "localcloud.")))


def failing_loudly(operation: Callable[..., Any]) -> Callable[..., Any]:
    """Make an operation of CloudFormation answer InternalFailure, with the traceback, for a bug of ours."""

    def run(*args: Any, **options: Any) -> Any:
        try:
            with moto_reads():
                return operation(*args, **options)
        except PropertyRefusedError as error:
            raise ValidationError(message=f"Template error: {error}") from error
        except (HTTPException, ServiceException):
            raise
        except Exception as error:
            raise InternalFailureError(
                "The local cloud has failed, which is a bug of its own, not a refusal of the template. "
                f"Please report it; delete the stack, which is left unfinished.\n{traceback.format_exc()}"
            ) from error

    return run
