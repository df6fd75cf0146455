"""Which model package reads the batches."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import pytest
from botocore.stub import Stubber
from moto.sagemaker.models import PAGINATION_MODEL, sagemaker_backends

from batch_prediction.aws.clients import Clients
from batch_prediction.models import registry
from tests.functions.models.training_jobs import completed_job

Status = Literal["Approved", "PendingManualApproval", "Rejected"]
APPROVED: Final = "Approved"
PENDING: Final = "PendingManualApproval"
REJECTED: Final = "Rejected"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def register(aws: Clients, minutes: int, status: Status, group: str = "digits", job: str = "") -> str:
    """Register a package so many minutes after noon, whenever that is in the order of registration."""
    arn = aws.sagemaker.create_model_package(
        ModelPackageGroupName=group, CustomerMetadataProperties={"training_job": job} if job else {}
    )["ModelPackageArn"]
    aws.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=status)
    package = sagemaker_backends["123456789012"]["us-east-1"].model_packages[arn]
    package.creation_time = (NOON + timedelta(minutes=minutes)).replace(tzinfo=None)
    package.customer_metadata_properties = {"training_job": job} if job else {}
    return arn


def newest(aws: Clients) -> str | None:
    """The ARN of the package that reads."""
    package = registry.newest_approved(aws.sagemaker, "digits")
    return None if package is None else package.arn


def test_an_empty_group_has_no_approved_package(aws: Clients) -> None:
    """Nothing approved is an answer, not an error."""
    assert newest(aws) is None


@pytest.mark.parametrize("page", [1, 2, 100])
def test_the_newest_approved_package_of_the_group_reads(
    aws: Clients, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """Its time of creation decides, not when it was approved, its version, the list's order or its pages."""
    monkeypatch.setitem(PAGINATION_MODEL["list_model_packages"], "limit_default", page)
    aws.sagemaker.create_model_package_group(ModelPackageGroupName="others")
    oldest = register(aws, 1, APPROVED)
    right = register(aws, 7, PENDING)
    middle = register(aws, 4, APPROVED)
    register(aws, 8, REJECTED)
    register(aws, 9, PENDING)
    last = register(aws, 3, PENDING)
    register(aws, 20, APPROVED, group="others")
    found = [newest(aws)]
    changes: list[tuple[str, Status]] = [(right, APPROVED), (last, APPROVED), (right, REJECTED)]
    for arn, status in [*changes, (middle, REJECTED)]:
        aws.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=status)
        found.append(newest(aws))
    assert found == [middle, right, right, middle, last]
    aws.sagemaker.update_model_package(ModelPackageArn=last, ModelApprovalStatus=REJECTED)
    assert newest(aws) == oldest
    aws.sagemaker.update_model_package(ModelPackageArn=oldest, ModelApprovalStatus=REJECTED)
    assert newest(aws) is None


def test_an_empty_page_of_the_registry_is_not_its_end(aws: Clients) -> None:
    """SageMaker filters after paging: the newest approved package may be on a later page."""
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/digits/1"
    summary = {
        "ModelPackageArn": arn,
        "ModelPackageStatus": "Completed",
        "CreationTime": datetime(2026, 11, 22, tzinfo=UTC),
    }
    with Stubber(aws.sagemaker) as stub:
        approved = {
            "ModelPackageGroupName": "digits",
            "ModelApprovalStatus": "Approved",
            "SortBy": "CreationTime",
            "SortOrder": "Descending",
        }
        empty = {"ModelPackageSummaryList": [], "NextToken": "more"}
        stub.add_response("list_model_packages", empty, approved)
        whole = {"ModelPackageSummaryList": [summary]}
        stub.add_response("list_model_packages", whole, approved | {"NextToken": "more"})
        described = summary | {
            "ModelPackageName": "digits",
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
            "ModelApprovalStatus": "Approved",
        }
        stub.add_response("describe_model_package", described)
        package = registry.newest_approved(aws.sagemaker, "digits")
    assert package is not None
    assert package.arn == arn


@pytest.mark.parametrize("status", [APPROVED, PENDING, REJECTED])
def test_the_package_of_a_training_job_is_found_among_later_ones(
    aws: Clients, monkeypatch: pytest.MonkeyPatch, status: Status
) -> None:
    """Whatever its approval and its page; one of another job, of another group or from before isn't it."""
    monkeypatch.setitem(PAGINATION_MODEL["list_model_packages"], "limit_default", 1)
    aws.sagemaker.create_model_package_group(ModelPackageGroupName="others")
    job = completed_job("digits-1", 0.99, created=NOON)
    register(aws, -5, APPROVED, job="digits-1")
    register(aws, 5, APPROVED, job="digits-10")
    register(aws, 6, APPROVED, group="others", job="digits-1")
    assert registry.of_training_job(aws.sagemaker, "digits", job) is None
    right = register(aws, 9, status, job="digits-1")
    register(aws, 10, APPROVED, job="digits-2")
    package = registry.of_training_job(aws.sagemaker, "digits", job)
    assert package is not None
    assert (package.arn, package.status, package.training_job) == (right, status, "digits-1")


def test_a_package_says_which_image_serves_it() -> None:
    """Its tag may move: the digest, where SageMaker knows it, is that of the image at registration."""
    described: Any = {
        "ModelPackageArn": "arn:aws:sagemaker:us-east-1:123456789012:model-package/digits/1",
        "ModelApprovalStatus": "Approved",
        "InferenceSpecification": {
            "Containers": [{"Image": "host/ray:v1", "ImageDigest": "sha256:0a"}, {"Image": "another"}]
        },
    }
    package = registry.ModelPackage.described(described)
    assert (package.image, package.image_digest) == ("host/ray:v1", "sha256:0a")
    described["InferenceSpecification"]["Containers"] = []
    package = registry.ModelPackage.described(described)
    assert (package.image, package.image_digest) == (None, None)
