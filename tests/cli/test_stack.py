"""Which stack a command works with."""

import json
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from cli import stack
from cli.errors import CommandError
from tests.settings_and_events import use_moto_account


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account of moto's."""
    use_moto_account(monkeypatch)
    stack.client.cache_clear()
    with mock_aws():
        yield
    stack.client.cache_clear()


def deploy(name: str, outputs: dict[str, str]) -> None:
    """Deploy a stack that has these outputs."""
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    boto3.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))


def test_a_deployed_stack_is_known_by_its_outputs() -> None:
    """Bucket and model package group are those of the stack that is named."""
    deploy("digits-prod", {"BucketName": "b", "ModelPackageGroupName": "production"})
    found = stack.find("digits-prod")
    assert (found.bucket, found.group) == ("b", "production")


def test_a_missing_stack_is_an_error_that_says_what_to_do() -> None:
    """The error names the stack, what AWS answered, and the next step."""
    with pytest.raises(CommandError, match=r"stack digits: expected a deployed stack, found: .*sam deploy"):
        stack.find("digits")


def test_a_foreign_stack_is_refused() -> None:
    """The error names a stack without the template's outputs, and the outputs that it has."""
    deploy("other", {"Something": "else"})
    with pytest.raises(CommandError, match=r"stack other: expected the outputs .* found Something"):
        stack.find("other")


def test_the_default_is_the_stack_of_samconfig() -> None:
    """Without --stack a command works with the stack that `sam deploy` deploys."""
    assert stack.NAME == "digits"
