"""An account of moto's with a deployed stack, its bucket and its model package group."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest
from moto import mock_aws

from cli import stack
from tests.samples import BUCKET, use_moto_account

GROUP = "digits"
SESSION = boto3.Session()  # one for all tests: each would read the services' models again


@contextmanager
def deployed_stack() -> Iterator[None]:
    """The stack `digits`, with nothing in it."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        use_moto_account(patch)
        patch.setattr(boto3, "DEFAULT_SESSION", SESSION)
        stack.client.cache_clear()
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        boto3.client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
        outputs = {"BucketName": BUCKET, "ModelPackageGroupName": GROUP}
        template = {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {name: {"Value": value} for name, value in outputs.items()},
        }
        boto3.client("cloudformation").create_stack(StackName="digits", TemplateBody=json.dumps(template))
        yield
    stack.client.cache_clear()
