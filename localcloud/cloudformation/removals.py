"""Deletions of resources that moto's CloudFormation gets wrong, done through the services' own API."""

from collections.abc import Callable
from typing import Any

from localcloud.core.cloud import Cloud


def remove_role(cloud: Cloud, role: Any) -> None:
    """Delete a role with its inline policies, and detach the managed ones, which moto leaves in the way."""
    iam = cloud.client("iam")
    for arn in list(role.managed_policies):
        iam.detach_role_policy(RoleName=role.name, PolicyArn=arn)
    for policy in list(role.policies):
        iam.delete_role_policy(RoleName=role.name, PolicyName=policy)
    iam.delete_role(RoleName=role.name)


def remove_bucket(cloud: Cloud, bucket: Any) -> None:
    """Delete a bucket; ClientError BucketNotEmpty for one with objects, which moto would pass over."""
    cloud.client("s3").delete_bucket(Bucket=bucket.name)


REMOVALS: dict[str, Callable[[Cloud, Any], None]] = {
    "AWS::IAM::Role": remove_role,
    "AWS::S3::Bucket": remove_bucket,
}
