"""The model registry: groups, versions, approval."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.localcloud.sagemaker.sagemaker_account import IMAGE, ROLE, Account, unique


@pytest.fixture
def group(account: Account) -> str:
    """Make an empty group and return its ARN."""
    made = account.sagemaker.create_model_package_group(ModelPackageGroupName=unique("group"))
    return str(made["ModelPackageGroupArn"])


def register(account: Account, group: str, **more: Any) -> str:
    """Register a version and return its ARN."""
    request = {
        "ModelPackageGroupName": group,
        "InferenceSpecification": {
            "Containers": [{"Image": IMAGE, "ModelDataUrl": account.put("registered.tar.gz", b"")}],
            "SupportedContentTypes": ["application/jsonlines"],
            "SupportedResponseMIMETypes": ["application/jsonlines"],
        },
    }
    return str(account.sagemaker.create_model_package(**request | more)["ModelPackageArn"])


def listed(account: Account, group: str, **more: Any) -> list[str]:
    """List versions' ARNs, all pages."""
    paginator = account.sagemaker.get_paginator("list_model_packages")
    pages = paginator.paginate(ModelPackageGroupName=group, **more)
    return [package["ModelPackageArn"] for page in pages for package in page["ModelPackageSummaryList"]]


def test_versions_are_listed_by_group_status_and_age(account: Account, group: str) -> None:
    """A listing has the group's versions of the requested approval status and age, in order."""
    other = account.sagemaker.create_model_package_group(ModelPackageGroupName=unique("group"))
    register(account, other["ModelPackageGroupArn"], ModelApprovalStatus="Approved")
    first = register(account, group, ModelApprovalStatus="Approved")
    waiting = register(account, group)
    last = register(account, group, ModelApprovalStatus="Approved")
    assert listed(account, group) == [first, waiting, last]
    assert listed(account, group.rpartition("/")[2], ModelApprovalStatus="Approved") == [first, last]
    newest = listed(
        account, group, ModelApprovalStatus="Approved", SortBy="CreationTime", SortOrder="Descending"
    )
    assert newest == [last, first]
    assert listed(account, group, PaginationConfig={"PageSize": 1}) == [first, waiting, last]
    describe, second = (
        account.sagemaker.describe_model_package,
        timedelta(seconds=1),
    )  # boto3 sends whole seconds
    oldest, newest_time = (describe(ModelPackageName=arn)["CreationTime"] for arn in (first, last))
    assert listed(account, group, CreationTimeAfter=oldest - second) == [first, waiting, last]
    assert listed(account, group, CreationTimeAfter=newest_time + second) == []
    assert [arn.rpartition("/")[2] for arn in (first, waiting, last)] == ["1", "2", "3"]


def test_a_version_without_a_status_waits_for_approval(account: Account, group: str) -> None:
    """A version's default approval status is PendingManualApproval."""
    package = account.sagemaker.describe_model_package(ModelPackageName=register(account, group))
    assert package["ModelApprovalStatus"] == "PendingManualApproval"


def test_the_same_client_token_registers_once(account: Account, group: str) -> None:
    """A repeated request returns the first one's version; another token makes another version."""
    arn = register(account, group, ClientToken="training-1")
    assert register(account, group, ClientToken="training-1") == arn
    assert register(account, group, ClientToken="training-2") != arn
    assert len(listed(account, group)) == 2


def test_an_update_leaves_the_rest(account: Account, group: str) -> None:
    """Approving a version keeps its metadata; new metadata keep the approval and the other metadata."""
    arn = register(account, group, CustomerMetadataProperties={"job": "t", "sha256": "s"})
    update, describe = account.sagemaker.update_model_package, account.sagemaker.describe_model_package
    update(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="good")
    assert describe(ModelPackageName=arn)["CustomerMetadataProperties"] == {"job": "t", "sha256": "s"}
    update(ModelPackageArn=arn, CustomerMetadataProperties={"sha256": "new"})
    update(ModelPackageArn=arn, CustomerMetadataPropertiesToRemove=["job"])
    package = describe(ModelPackageName=arn)
    assert package["CustomerMetadataProperties"] == {"sha256": "new"}
    assert (package["ModelApprovalStatus"], package["ApprovalDescription"]) == ("Approved", "good")
    assert package["ModelPackageGroupName"] == group.rpartition("/")[2]


def test_only_an_approved_version_can_be_used_by_its_name(account: Account, group: str) -> None:
    """A model of a pending version is refused; after the approval it is created."""
    arn, name = register(account, group), unique("model")
    request = {"ModelName": name, "ExecutionRoleArn": ROLE, "PrimaryContainer": {"ModelPackageName": arn}}
    with pytest.raises(ClientError, match="PendingManualApproval: approve it"):
        account.sagemaker.create_model(**request)
    account.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    account.sagemaker.create_model(**request)
    assert account.sagemaker.describe_model(ModelName=name)["PrimaryContainer"] == {"ModelPackageName": arn}


def test_a_group_is_described_by_name_and_by_arn(account: Account, group: str) -> None:
    """Templates pass a group's ARN, people its name: both find it."""
    describe = account.sagemaker.describe_model_package_group
    for name in (group, group.rpartition("/")[2]):
        assert describe(ModelPackageGroupName=name)["ModelPackageGroupArn"] == group


def test_a_group_is_made_once(account: Account, group: str) -> None:
    """A second group of the same name is refused, and the first one's versions stay."""
    package = register(account, group)
    with pytest.raises(ClientError, match=r"ValidationException.*Model Package Group already exists: arn:"):
        account.sagemaker.create_model_package_group(ModelPackageGroupName=group.rpartition("/")[2])
    assert listed(account, group) == [package]


def test_an_empty_group_can_be_deleted(account: Account, group: str) -> None:
    """An empty group is deleted, and can't be deleted twice; one with a version stays."""
    name = group.rpartition("/")[2]
    account.sagemaker.delete_model_package_group(ModelPackageGroupName=name)
    with pytest.raises(ClientError, match="does not exist"):
        account.sagemaker.delete_model_package_group(ModelPackageGroupName=name)
    account.sagemaker.create_model_package_group(ModelPackageGroupName=name)
    package = register(account, group)
    with pytest.raises(ClientError, match=r"ConflictException.*still has 1 model packages"):
        account.sagemaker.delete_model_package_group(ModelPackageGroupName=name)
    assert listed(account, group) == [package]
