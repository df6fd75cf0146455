"""IAM in the local cloud: requests under a role's credentials are decided by the role's policies.

The operator's own credentials may do everything. moto's own enforcement asks about the resource `*` for most
services and takes a condition that doesn't hold for a Deny, so it is replaced as a whole.
"""

import re
import warnings
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse
from moto.s3.exceptions import S3AccessDeniedError
from moto.sts.models import sts_backends

from localcloud.core.cloud import Cloud
from localcloud.iam.action_map import of_s3, of_service
from localcloud.iam.authorizer import require
from localcloud.iam.errors import DeniedError, UnknownRequestError

# https://docs.aws.amazon.com/service-authorization/latest/reference/: what a denial is called
CODES = {"sqs": "AccessDeniedException", "sns": "AuthorizationError", "sts": "AccessDenied"}
# moto warns of each code that a service's model doesn't list; this one is common to all services
warnings.filterwarnings("ignore", message=r"Exception\(Refusal\)")


class Refusal(ServiceException):
    """What a role's request is refused with. A class of this module, whose codes moto takes as they are."""


class Enforcement:
    """Asks IAM before moto answers a request that is signed with a role's credentials."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def session(self, response: Any) -> Any:
        """The role's session that signed a request; None for the operator."""
        key = re.search(r"Credential=([^/]+)/", response.headers.get("Authorization", ""))
        if key is None:
            return None
        return sts_backends[self.cloud.account_id]["aws"].get_assumed_role_from_access_key(key[1])

    def refusal(self, response: Any) -> ServiceException | None:
        """What a request to any service but S3 is refused with; None when it is allowed."""
        session, service = self.session(response), response.boto3_service_name
        if session is None or service == "s3":
            return None
        try:
            asked = of_service(self.cloud, service, response._get_action(), _parameters(response))
            require(self.cloud, session.role_arn, session.session_name, asked)
        except (DeniedError, UnknownRequestError) as error:
            return Refusal(CODES.get(service, "AccessDeniedException"), str(error))
        return None

    def check_s3(self, response: Any, bucket_name: str | None = None, key_name: str | None = None) -> None:
        """Raise S3's AccessDenied unless a request to it is allowed."""
        session = self.session(response)
        if session is None:
            return
        try:
            asked = of_s3(
                response.backend,
                response.data["Action"],
                bucket_name,
                key_name,
                parse_qs(urlsplit(response.uri).query, keep_blank_values=True),
                response.headers,
            )
            require(self.cloud, session.role_arn, session.session_name, asked)
        except (DeniedError, UnknownRequestError) as error:
            denial = S3AccessDeniedError()
            denial.message = str(error)
            raise denial from error


def _parameters(response: Any) -> Callable[[str], Any]:
    """A request's parameters by name; Lambda's are in its path."""
    if response.boto3_service_name == "lambda":
        function = re.search(r"/functions/([^/]+)", response.path)
        return {"FunctionName": unquote(function[1]) if function else None}.get
    parameter: Callable[[str], Any] = response._get_param
    return parameter


def plug_in(cloud: Cloud) -> None:
    """Put IAM before every request."""
    enforcement = Enforcement(cloud)

    def call_action(response: Any) -> Any:
        refusal = enforcement.refusal(response)
        if refusal is None:
            return call(response)
        _, headers, body = response.serialized(ActionResult(refusal))
        return 403, headers, body

    call = cloud.patch(BaseResponse, "call_action", call_action)
    cloud.patch(
        ActionAuthenticatorMixin,
        "_authenticate_and_authorize_normal_action",
        lambda _response, resource="*": None,  # noqa: ARG005 named as in moto,
    )
    cloud.patch(
        ActionAuthenticatorMixin,
        "_authenticate_and_authorize_s3_action",
        lambda response, bucket_name=None, key_name=None: enforcement.check_s3(
            response, bucket_name, key_name
        ),
    )
