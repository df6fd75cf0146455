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
