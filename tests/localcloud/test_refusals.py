"""A service's refusal fails the resource; a bug of the local cloud fails the deployment, loudly."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.sagemaker.models import SageMakerModelBackend

from localcloud.cloudformation import custom_types, moto_fixes
from localcloud.deploy import DeployError, LocalCloudBugError
from tests.localcloud.stack_account import Account

QUEUE = "Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: %d}}}"
ROLE = (
    "{AssumeRolePolicyDocument: {Version: '2012-10-17', Statement: [{Effect: Allow, Action: 'sts:AssumeRole',"
    " Principal: {Service: lambda.amazonaws.com}}]}, Policies: [{PolicyName: inline, PolicyDocument: %s}]}"
)


@pytest.fixture(autouse=True)
def _only_its_own(account: Account) -> Iterator[None]:
    """Each test begins without the stacks of the others."""
    yield
    for stack in account.cloud.client("cloudformation").describe_stacks()["Stacks"]:
        account.cloud.client("cloudformation").delete_stack(StackName=stack["StackName"])


def statuses(account: Account, stack: str) -> list[str]:
    """The statuses in a stack's events, oldest first."""
    events = account.cloud.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return [event["ResourceStatus"] for event in reversed(events)]


@pytest.mark.parametrize(
    ("kind", "properties", "reason"),
    [
        (
            "AWS::IAM::Role",
            "{RoleName: bad}",
            "Properties.AssumeRolePolicyDocument is missing: expected a mapping.",
        ),
        (
            "AWS::IAM::Role",
            ROLE % "{Version: '2012-10-17'}",
            "Expected a policy with the element 'Statement'",
        ),
        (
            "AWS::IAM::Role",
            ROLE % "{Statement: [nobody]}",
            "Expected a policy's Statement to be an object, found 'nobody'",
        ),
        (
            "AWS::IAM::Role",
            ROLE % "{Statement: {Effect: Allow, Action: 'a:B', Resource: '*', Condition: {Bool: yes}}}",
            "expected a Condition like",
        ),
        (
            "AWS::S3::Bucket",
            "{LifecycleConfiguration: {Rules: {Id: all}}}",
            "Properties.LifecycleConfiguration.Rules: expected a list, found {'Id': 'all'}.",
        ),
        (
            "AWS::S3::Bucket",
            "{LifecycleConfiguration: {Rules: [all]}}",
            "Properties.LifecycleConfiguration.Rules[0]: expected a mapping, found 'all'.",
        ),
        (
            "AWS::Logs::LogGroup",
            "{LogGroupName: bad, RetentionInDays: weeks}",
            "Properties.RetentionInDays: expected a number, found 'weeks'.",
        ),
        (
            "AWS::SNS::Subscription",
            "{Endpoint: a@example.org, Protocol: [email], TopicArn: 'arn:aws:sns:us-east-1:123456789012:t'}",
            "Properties.Protocol: expected a text, found ['email'].",
        ),
        ("AWS::Events::Rule", "{Name: bad}", "EventPattern or ScheduleExpression must be specified"),
        ("AWS::SQS::QueuePolicy", "{PolicyDocument: {}, Queues: [!Ref Missing]}", "Missing"),
        (
            "AWS::Lambda::Permission",
            "{Action: 'lambda:InvokeFunction'}",
            "is missing or malformed (KeyError)",
        ),
    ],
)
def test_a_malformed_property_is_refused(account: Account, kind: str, properties: str, reason: str) -> None:
    """The stack is rolled back, and its event names the property and what was expected."""
    with pytest.raises(DeployError, match="ROLLBACK_COMPLETE") as error:
        account.deploy("bad", f"Resources: {{Bad: {{Type: '{kind}', Properties: {properties}}}}}")
    assert f"Bad ({kind}): " in str(error.value)
    assert reason in str(error.value)


def test_a_bug_while_a_resource_is_created_is_not_its_failure(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of our own code ends the deployment with its traceback; no event says CREATE_FAILED."""

    def buggy(*_: Any) -> None:
        raise KeyError("a bug")

    monkeypatch.setitem(moto_fixes.COMPLETIONS, "AWS::SQS::Queue", buggy)
    with pytest.raises(LocalCloudBugError, match=r"(?s)a bug of its own.*in buggy.*KeyError: 'a bug'"):
        account.deploy("bug", QUEUE % 1)
    assert statuses(account, "bug") == ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS"]


def test_a_bug_in_a_custom_type_is_not_a_malformed_property(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same KeyError, raised in our code below moto's, isn't taken for moto's about the template."""

    def buggy(*_: Any) -> str:
        raise KeyError("PolicyDocument")

    monkeypatch.setattr(custom_types.QueuePolicy, "put", buggy)
    policy = "{Type: AWS::SQS::QueuePolicy, Properties: {Queues: [any], PolicyDocument: {}}}"
    with pytest.raises(LocalCloudBugError, match="KeyError: 'PolicyDocument'"):
        account.deploy("bug", f"Resources: {{Policy: {policy}}}")


def test_a_bug_while_a_resource_is_changed_is_not_rolled_back(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update that meets a bug ends there: the stack stays in the middle of it, for debugging."""
    account.deploy("bug", QUEUE % 1)

    def buggy(*_: Any) -> None:
        raise AttributeError("a bug")

    monkeypatch.setitem(moto_fixes.COMPLETIONS, "AWS::SQS::Queue", buggy)
    with pytest.raises(LocalCloudBugError, match="AttributeError: a bug"):
        account.deploy("bug", QUEUE % 2)
    assert statuses(account, "bug")[-2:] == ["UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"]


def test_a_service_that_fails_has_refused_nothing(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug behind a service's own API is a status of 500 there, and a bug of the deployment."""

    def buggy(*_: Any, **__: Any) -> str:
        raise TypeError("a bug")

    monkeypatch.setattr(SageMakerModelBackend, "create_model_package_group", buggy)
    group = "{Type: AWS::SageMaker::ModelPackageGroup, Properties: {ModelPackageGroupName: bug}}"
    with pytest.raises(LocalCloudBugError, match="500"):
        account.deploy("bug", f"Resources: {{Group: {group}}}")


def test_a_bug_is_an_error_of_the_request_for_other_clients(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change set that meets a bug answers InternalFailure, once: a client doesn't execute it again."""
    calls = []

    def buggy(*_: Any) -> None:
        calls.append(1)
        raise ValueError("a bug")

    monkeypatch.setitem(moto_fixes.COMPLETIONS, "AWS::SQS::Queue", buggy)
    cloudformation = account.cloud.client("cloudformation")
    template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
    names = {"StackName": "bug", "ChangeSetName": "first"}
    cloudformation.create_change_set(**names, TemplateBody=json.dumps(template), ChangeSetType="CREATE")
    with pytest.raises(ClientError, match="ValueError: a bug") as error:
        cloudformation.execute_change_set(**names)
    assert error.value.response["Error"]["Code"] == "InternalFailure"
    assert calls == [1]
