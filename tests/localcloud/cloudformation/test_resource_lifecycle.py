"""A stack's resources are created, replaced and deleted as in CloudFormation, and its events record it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.deploy import DeployError
from tests.localcloud.stack_account import HELLO, Account

QUEUE = "  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: next-to-it}}\n"
FUNCTION = "  F: {Type: AWS::Serverless::Function, Properties: {FunctionName: lives, Handler: app.handler}}\n"
BROKEN = (
    "  Broken:\n    Type: AWS::SQS::QueuePolicy\n    DependsOn: [%s]\n"
    "    Properties: {Queues: ['http://localhost/123456789012/missing'], PolicyDocument: {}}\n"
)
KEPT = (
    "  Data: {Type: AWS::S3::Bucket, DeletionPolicy: %s, UpdateReplacePolicy: %s,"
    " Properties: {BucketName: %s}}\n"
)
GROUP = (
    "  Group: {Type: AWS::SageMaker::ModelPackageGroup, DeletionPolicy: %s,"
    " Properties: {ModelPackageGroupName: %s, ModelPackageGroupDescription: %s}}\n"
)


@pytest.fixture(autouse=True)
def _only_its_own(account: Account) -> Iterator[None]:
    """Each test begins without the stacks, buckets and groups of the others."""
    yield
    for stack in account.cloud.client("cloudformation").describe_stacks()["Stacks"]:
        account.cloud.client("cloudformation").delete_stack(StackName=stack["StackName"])
    for name in buckets(account):
        account.cloud.client("s3").delete_bucket(Bucket=name)
    for name in groups(account):
        account.cloud.client("sagemaker").delete_model_package_group(ModelPackageGroupName=name)


def buckets(account: Account) -> list[str]:
    """The names of all buckets, without the one of uploaded zips."""
    listed = account.cloud.client("s3").list_buckets()["Buckets"]
    return [bucket["Name"] for bucket in listed if not bucket["Name"].startswith("deployment-artifacts")]


def groups(account: Account) -> list[str]:
    """The names of all model package groups."""
    listed = account.cloud.client("sagemaker").list_model_package_groups()
    return [group["ModelPackageGroupName"] for group in listed["ModelPackageGroupSummaryList"]]


def roles(account: Account) -> list[str]:
    """The names of all roles."""
    return [role["RoleName"] for role in account.cloud.client("iam").list_roles()["Roles"]]


def functions(account: Account) -> list[str]:
    """The names of all functions."""
    return [each["FunctionName"] for each in account.cloud.client("lambda").list_functions()["Functions"]]


def delete(account: Account, stack: str) -> list[str]:
    """Delete a stack and return its events' statuses, oldest first, with the names of their resources."""
    cloudformation = account.cloud.client("cloudformation")
    identifier = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=stack)
    events = cloudformation.describe_stack_events(StackName=identifier)["StackEvents"]
    statuses = [f"{event['LogicalResourceId']} {event['ResourceStatus']}" for event in reversed(events)]
    return statuses[statuses.index(f"{stack} DELETE_IN_PROGRESS") :]


def test_a_permission_that_is_changed_or_gone_lets_nobody_in(account: Account) -> None:
    """The function's policy is what the template's permissions say now."""
    permission = (
        "  Let:\n    Type: AWS::Lambda::Permission\n    Properties: {FunctionName: !Ref F, Principal: "
        "events.amazonaws.com, Action: 'lambda:InvokeFunction', SourceArn: %s}\n"
    )

    def sources() -> list[str]:
        policy = account.cloud.client("lambda").get_policy(FunctionName="lives")["Policy"]
        statements = json.loads(policy)["Statement"]
        return [statement["Condition"]["ArnLike"]["AWS:SourceArn"] for statement in statements]

    account.deploy("let", "Resources:\n" + FUNCTION + permission % "'arn:aws:events:a'", HELLO)
    assert sources() == ["arn:aws:events:a"]
    account.deploy("let", "Resources:\n" + FUNCTION + permission % "'arn:aws:events:b'", HELLO)
    assert sources() == ["arn:aws:events:b"]
    account.deploy("let", "Resources:\n" + FUNCTION, HELLO)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        sources()


def test_a_stack_with_a_function_is_deleted_with_its_role(account: Account) -> None:
    """The policies that the transform attaches to the role don't keep it; every resource has its event."""
    account.deploy("whole", "Resources:\n" + QUEUE + FUNCTION, HELLO)
    assert (len(roles(account)), functions(account)) == (1, ["lives"])
    events = delete(account, "whole")
    assert (roles(account), functions(account)) == ([], [])
    assert sorted(events[1:-1]) == ["F DELETE_COMPLETE", "FRole DELETE_COMPLETE", "Queue DELETE_COMPLETE"]
    assert events[-1] == "whole DELETE_COMPLETE"


def test_a_failed_creation_deletes_its_functions(account: Account) -> None:
    """A rollback leaves neither the function nor its role, and the stack can be deployed again."""
    with pytest.raises(DeployError, match="ROLLBACK_COMPLETE"):
        account.deploy("again", "Resources:\n" + FUNCTION + BROKEN % "F", HELLO)
    assert (roles(account), functions(account)) == ([], [])
    account.deploy("again", "Resources:\n" + FUNCTION, HELLO)
    assert account.invoke("lives") == ("hello", None)


def test_a_resource_that_is_refused_half_created_is_deleted_too(account: Account) -> None:
    """A function that exists before its Runtime is refused is deleted by the rollback."""
    wrong = "Properties: {FunctionName: half, Runtime: python3.8, "
    with pytest.raises(DeployError, match=r"ROLLBACK_COMPLETE\. F .*the Runtime 'python3\.8'"):
        account.deploy("half", "Resources:\n" + FUNCTION.replace("Properties: {FunctionName: lives, ", wrong))
    assert functions(account) == []


def test_a_function_that_a_template_no_longer_has_goes_with_its_role(account: Account) -> None:
    """An update without the function leaves the rest of the stack."""
    account.deploy("fewer", "Resources:\n" + QUEUE + FUNCTION, HELLO)
    account.deploy("fewer", "Resources:\n" + QUEUE)
    assert (roles(account), functions(account)) == ([], [])
    assert account.cloud.client("sqs").get_queue_url(QueueName="next-to-it")["QueueUrl"]


def test_a_full_bucket_keeps_its_stack(account: Account) -> None:
    """A resource that can't be deleted keeps its stack; once it can, deploying deletes and recreates it."""
    template = "Resources:\n" + KEPT % ("Delete", "Delete", "full") + QUEUE
    account.deploy("stuck", template)
    s3 = account.cloud.client("s3")
    s3.put_object(Bucket="full", Key="a", Body=b"")
    assert "Data DELETE_FAILED" in delete(account, "stuck")
    with pytest.raises(
        DeployError, match=r"stuck can't be deleted\. Data \(AWS::S3::Bucket\): .*BucketNotEmpty"
    ):
        account.deploy("stuck", template)
    s3.delete_object(Bucket="full", Key="a")
    account.deploy("stuck", template)
    assert buckets(account) == ["full"]


@pytest.mark.parametrize(
    ("policy", "after_rollback", "after_deletion"),
    [("Delete", [], []), ("RetainExceptOnCreate", [], ["kept"]), ("Retain", ["kept"], ["kept"])],
)
def test_a_deletion_policy_says_what_stays(
    account: Account, policy: str, after_rollback: list[str], after_deletion: list[str]
) -> None:
    """A creation that fails and a later deletion keep what the policy retains, bucket and group alike."""
    kept = "Resources:\n" + KEPT % (policy, policy, "kept") + GROUP % (policy, "kept", "one")
    if policy == "RetainExceptOnCreate":  # which UpdateReplacePolicy doesn't know
        kept = kept.replace(f"UpdateReplacePolicy: {policy}", "UpdateReplacePolicy: Retain")
    with pytest.raises(DeployError, match="ROLLBACK_COMPLETE"):
        account.deploy("keeps", kept + BROKEN % "Data, Group")
    assert (buckets(account), groups(account)) == (after_rollback, after_rollback)
    for name in after_rollback:
        account.cloud.client("s3").delete_bucket(Bucket=name)
        account.cloud.client("sagemaker").delete_model_package_group(ModelPackageGroupName=name)
    account.deploy("keeps", kept)
    delete(account, "keeps")
    assert (buckets(account), groups(account)) == (after_deletion, after_deletion)


@pytest.mark.parametrize(("policy", "left"), [("Delete", ["new"]), ("Retain", ["new", "old"])])
def test_a_replaced_bucket_stays_when_its_policy_says_so(
    account: Account, policy: str, left: list[str]
) -> None:
    """UpdateReplacePolicy decides about the former bucket, regardless of the DeletionPolicy."""
    account.deploy("renamed", "Resources:\n" + KEPT % ("Delete", policy, "old"))
    account.deploy("renamed", "Resources:\n" + KEPT % ("Delete", policy, "new"))
    assert sorted(buckets(account)) == left


def test_a_failed_update_keeps_what_it_would_have_replaced(account: Account) -> None:
    """The former bucket is deleted only when the update has succeeded, so its objects survive a rollback."""
    account.deploy("survives", "Resources:\n" + KEPT % ("Delete", "Delete", "old") + QUEUE)
    account.cloud.client("s3").put_object(Bucket="old", Key="a", Body=b"precious")
    with pytest.raises(DeployError, match="UPDATE_ROLLBACK_COMPLETE"):
        account.deploy("survives", "Resources:\n" + KEPT % ("Delete", "Delete", "new") + BROKEN % "Data")
    assert buckets(account) == ["old"]
    assert account.cloud.client("s3").get_object(Bucket="old", Key="a")["Body"].read() == b"precious"
    assert account.cloud.client("sqs").get_queue_url(QueueName="next-to-it")["QueueUrl"]
    account.cloud.client("s3").delete_object(Bucket="old", Key="a")


def test_a_failed_change_is_taken_back(account: Account) -> None:
    """A bucket that was versioned before its new lifecycle was refused has its former versioning."""
    changed = "{BucketName: half, VersioningConfiguration: {Status: %s}%s}}\n"
    data = "Resources:\n  Data: {Type: AWS::S3::Bucket, Properties: " + changed
    account.deploy("half-changed", data % ("Suspended", ""))
    wrong = ", LifecycleConfiguration: {Rules: [{Id: x, Status: Enabled, Unknown: 1}]}"
    with pytest.raises(DeployError, match=r"UPDATE_ROLLBACK_COMPLETE\. Data .*, not Unknown"):
        account.deploy("half-changed", data % ("Enabled", wrong))
    assert account.cloud.client("s3").get_bucket_versioning(Bucket="half")["Status"] == "Suspended"


def test_a_renamed_group_is_another_one(account: Account) -> None:
    """A replaced group is deleted, because its policy doesn't retain it."""
    account.deploy("group", "Resources:\n" + GROUP % ("Delete", "first", "one"))
    account.deploy("group", "Resources:\n" + GROUP % ("Delete", "second", "one"))
    assert groups(account) == ["second"]


def test_a_group_that_exists_is_not_taken_over(account: Account) -> None:
    """A second stack with a name that is taken fails, and the group and its packages stay."""
    account.deploy("owner", "Resources:\n" + GROUP % ("Delete", "taken", "one"))
    with pytest.raises(
        DeployError, match=r"Group \(.*\): .*Model Package Group already exists: arn:aws:sage"
    ):
        account.deploy("thief", "Resources:\n" + GROUP % ("Delete", "taken", "two"))
    described = account.cloud.client("sagemaker").describe_model_package_group(ModelPackageGroupName="taken")
    assert described["ModelPackageGroupDescription"] == "one"


def test_a_groups_description_is_not_changed_silently(account: Account) -> None:
    """CloudFormation can't replace a group of a fixed name, so the update is refused with the reason."""
    account.deploy("described", "Resources:\n" + GROUP % ("Delete", "described", "one"))
    with pytest.raises(DeployError, match="Keep the description, or rename the group"):
        account.deploy("described", "Resources:\n" + GROUP % ("Delete", "described", "two"))


def test_the_reason_is_that_of_the_last_deployment(account: Account) -> None:
    """The error is of the stack's second failure, not of the first one again."""
    account.deploy("fails", "Resources:\n" + QUEUE)
    for name in ("First", "Second"):
        with pytest.raises(DeployError, match=rf"UPDATE_ROLLBACK_COMPLETE\. {name} \("):
            account.deploy("fails", "Resources:\n" + QUEUE + (BROKEN % "Queue").replace("Broken", name))


LESS = """
Resources:
  Dead: {Type: AWS::SQS::Queue}
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: less%s}}
  Data: {Type: AWS::S3::Bucket, Properties: {BucketName: less%s}}
  Policy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Queue]
      PolicyDocument:
        Version: '2012-10-17'
        Statement: [{Sid: s, Effect: Allow, Principal: '*', Action: 'sqs:SendMessage', Resource: '*'}]
Outputs: {Url: {Value: !Ref Queue}}
"""
MORE = (
    ", VisibilityTimeout: 99, RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2}",
    ", LifecycleConfiguration: {Rules: [{Id: x, Status: Enabled, ExpirationInDays: 1}]},"
    " OwnershipControls: {Rules: [{ObjectOwnership: ObjectWriter}]},"
    " PublicAccessBlockConfiguration: {BlockPublicAcls: true}",
)


def test_properties_that_are_taken_away_are_reset(account: Account) -> None:
    """A queue and a bucket without properties have AWS's defaults again; a queue's policy stays."""
    url = account.deploy("less", LESS % MORE)["Url"]
    account.deploy("less", LESS % ("", ""))
    asked: Any = account.cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    assert asked["Attributes"]["VisibilityTimeout"] == "30"
    assert not asked["Attributes"].get("RedrivePolicy")
    assert '"Sid": "s"' in asked["Attributes"]["Policy"]
    s3 = account.cloud.client("s3")
    for ask, code in (
        (s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration"),
        (s3.get_bucket_ownership_controls, "OwnershipControlsNotFoundError"),
        (s3.get_public_access_block, "NoSuchPublicAccessBlockConfiguration"),
    ):
        with pytest.raises(s3.exceptions.ClientError, match=code):
            ask(Bucket="less")
