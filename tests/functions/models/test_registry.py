"""Which model package reads the batches."""

from datetime import UTC, datetime

from botocore.stub import Stubber

from batch_prediction.aws.clients import Clients
from batch_prediction.models import registry


def test_an_empty_group_has_no_approved_package(aws: Clients) -> None:
    """Nothing approved is an answer, not an error."""
    assert registry.newest_approved(aws.sagemaker, "digits") is None


def test_an_empty_page_of_the_registry_is_not_its_end(aws: Clients) -> None:
    """SageMaker filters after paging: the newest approved package may be on a later page."""
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/digits/1"
    summary = {
        "ModelPackageArn": arn,
        "ModelPackageStatus": "Completed",
        "CreationTime": datetime(2026, 11, 22, tzinfo=UTC),
    }
    with Stubber(aws.sagemaker) as stub:
        stub.add_response("list_model_packages", {"ModelPackageSummaryList": [], "NextToken": "more"})
        stub.add_response("list_model_packages", {"ModelPackageSummaryList": [summary]})
        described = summary | {
            "ModelPackageName": "digits",
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
            "ModelApprovalStatus": "Approved",
        }
        stub.add_response("describe_model_package", described)
        package = registry.newest_approved(aws.sagemaker, "digits")
    assert package is not None
    assert package.arn == arn
