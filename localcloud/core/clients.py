"""AWS clients that talk to the local cloud, and the credentials that they work under."""

from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config


def make_client(service: str, environment: Mapping[str, str]) -> Any:
    """Make a boto3 client with the region, endpoint and credentials of `environment`; threads may share it.

    Only the variables that are given here count, not those of the program.
    """
    session: Any = boto3.session.Session()
    return session.client(
        service,
        region_name=environment["AWS_REGION"],
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=environment.get("AWS_SESSION_TOKEN"),
        config=Config(
            proxies={},
            retries={"total_max_attempts": 2},
            max_pool_connections=32,
            s3={"addressing_style": "path"},
        ),
    )


def role_credentials(account_id: str, region: str, role_arn: str, session_name: str) -> dict[str, str]:
    """Assume a role for twelve hours; return its temporary credentials as environment variables."""
    from moto.sts.models import sts_backends  # takes a second, which commands that need no cloud don't pay

    role = sts_backends[account_id]["aws"].assume_role(
        region, session_name[:64], role_arn, policy="", duration=43_200, external_id=""
    )
    return {
        "AWS_ACCESS_KEY_ID": role.access_key_id,
        "AWS_SECRET_ACCESS_KEY": role.secret_access_key,
        "AWS_SESSION_TOKEN": role.session_token,
    }
