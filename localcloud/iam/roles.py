"""The environment of a process that works under a role."""

from moto.sts.models import sts_backends

from localcloud.core.cloud import Cloud, CloudError
from localcloud.core.isolation import account_variables, process_variables
from localcloud.iam.authorizer import trusts

SESSION_SECONDS = 43_200


def role_environment(cloud: Cloud, role_arn: str, session_name: str, service: str = "") -> dict[str, str]:
    """The complete environment of a process that works under `role_arn`'s temporary credentials.

    `service`, such as lambda.amazonaws.com, is who assumes the role: CloudError when it doesn't trust it.
    """
    if service and not trusts(cloud, role_arn, service):
        raise CloudError(
            f"{role_arn}: expected a role whose trust policy lets {service} assume it, found none. Its "
            "AssumeRolePolicyDocument has to allow sts:AssumeRole to that service."
        )
    return {
        **process_variables(cloud.folder),
        **account_variables(cloud.region, cloud.endpoint_url),
        **_credentials(cloud, role_arn, session_name),
    }


def _credentials(cloud: Cloud, role_arn: str, session_name: str) -> dict[str, str]:
    """Assume a role for twelve hours; return its temporary credentials as environment variables."""
    role = sts_backends[cloud.account_id]["aws"].assume_role(
        cloud.region, session_name[:64], role_arn, policy="", duration=SESSION_SECONDS, external_id=""
    )
    return {
        "AWS_ACCESS_KEY_ID": role.access_key_id,
        "AWS_SECRET_ACCESS_KEY": role.secret_access_key,
        "AWS_SESSION_TOKEN": role.session_token,
    }
