"""SQS, which is moto's own: where a queue answers."""

from localcloud.core.cloud import Cloud


def queue_url(cloud: Cloud, name: str) -> str:
    """The URL of a queue of this account."""
    return f"{cloud.endpoint_url}/{cloud.account_id}/{name}"
