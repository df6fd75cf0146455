"""Approval, and registering a model once."""

import hashlib
from dataclasses import asdict, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.stub import Stubber

import register_model
from batch_prediction import registry
from batch_prediction.aws import Clients
from batch_prediction.settings import Settings
from tests.samples import BUCKET, event

CONTEXT: Any = SimpleNamespace(
    function_name="digits-register-model",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:digits-register-model",
    aws_request_id="1",
)
PACKAGE = registry.ModelPackage("arn:1", "Approved", "digits-0", None, validation_accuracy=0.993)
UNMEASURED = replace(PACKAGE, validation_accuracy=None)


@pytest.mark.parametrize(
    ("validation", "test", "approved", "status", "why"),
    [
        (0.991, 0.99, None, "Approved", "no approved package to compare with"),
        (None, 0.97, None, "Approved", "clears the floor 0.9700"),
        (0.991, 0.9699, None, "PendingManualApproval", "below the floor MinimumAccuracy, 0.9700"),
        (0.991, None, None, "PendingManualApproval", "no test-accuracy"),
        (0.991, 0.99, PACKAGE, "Approved", "0.9910 against the approved package's 0.9930"),
        (
            0.990,
            0.99,
            PACKAGE,
            "PendingManualApproval",
            "0.9900 against the approved package's 0.9930 is lower",
        ),
        (None, 0.99, PACKAGE, "PendingManualApproval", "no validation-accuracy to compare"),
        (0.999, 0.10, PACKAGE, "PendingManualApproval", "below the floor"),
        (0.999, 0.99, UNMEASURED, "PendingManualApproval", "arn:1 has no validation_accuracy to compare"),
    ],
)
def test_a_package_is_approved_or_waits_with_its_reason(
    validation: float | None,
    test: float | None,
    approved: registry.ModelPackage | None,
    status: str,
    why: str,
) -> None:
    """The test accuracy is a floor and nothing more; models are compared by validation accuracy."""
    decision = registry.approval(validation, test, approved, floor=0.97, tolerance=0.002)
    assert decision.status == status
    assert why in decision.reason


def completed_job(name: str, validation: float, created: datetime | None = None) -> dict[str, Any]:
    """A completed training job, as DescribeTrainingJob gives it."""
    return {
        "TrainingJobName": name,
        "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{name}",
        "TrainingJobStatus": "Completed",
        "CreationTime": created or datetime(2026, 11, 22, tzinfo=UTC),
        "ModelArtifacts": {"S3ModelArtifacts": f"s3://{BUCKET}/models/{name}/output/model.tar.gz"},
        "AlgorithmSpecification": {
            "TrainingImage": "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:2.10-gpu-py313",
            "TrainingInputMode": "File",
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "HyperParameters": {"arch": "base", "epochs": "9", "sagemaker_program": "train.py"},
        "FinalMetricDataList": [
            {"MetricName": "validation-accuracy", "Value": validation},
            {"MetricName": "test-accuracy", "Value": 0.9921},
        ],
    }


def register(aws: Clients, settings: Settings, name: str, validation: float) -> registry.ModelPackage:
    """Register the model of a training job whose artifact exists."""
    aws.s3.put_object(Bucket=BUCKET, Key=f"models/{name}/output/model.tar.gz", Body=name.encode())
    return registry.register(aws.sagemaker, aws.s3, settings, completed_job(name, validation))


def test_a_package_says_where_it_comes_from(aws: Clients, settings: Settings) -> None:
    """Training job, figures, hyperparameters and digest are in the registry, and why it is approved."""
    package = register(aws, settings, "digits-1", 0.9934)
    described = aws.sagemaker.describe_model_package(ModelPackageName=package.arn)
    assert described["CustomerMetadataProperties"] == {
        "training_job": "digits-1",
        "artifact_sha256": hashlib.sha256(b"digits-1").hexdigest(),
        "validation_accuracy": "0.9934",
        "test_accuracy": "0.9921",
        "hyperparameter/arch": "base",
        "hyperparameter/epochs": "9",
    }
    container = described["InferenceSpecification"]["Containers"][0]
    assert container["Image"] == (
        "763104351884.dkr.ecr.eu-west-1.amazonaws.com/ray:serve-ml-sagemaker-cpu-v1.4"
    )
    assert container["ModelDataUrl"] == f"s3://{BUCKET}/models/digits-1/output/model.tar.gz"
    assert described["ModelApprovalStatus"] == "Approved"
    assert described["ModelPackageDescription"].startswith(
        "Trained by digits-1. Approved: test accuracy 0.9921"
    )


def test_a_training_job_is_registered_once(aws: Clients, settings: Settings) -> None:
    """A repeated event finds the package that is there."""
    first = register(aws, settings, "digits-1", 0.9934)
    assert register(aws, settings, "digits-1", 0.9934) == first
    listed = aws.sagemaker.list_model_packages(ModelPackageGroupName="digits")["ModelPackageSummaryList"]
    assert [summary["ModelPackageArn"] for summary in listed] == [first.arn]


def test_a_worse_model_waits_and_the_approved_one_stays_the_newest(aws: Clients, settings: Settings) -> None:
    """A run takes the newest Approved package, not the newest package."""
    good = register(aws, settings, "digits-1", 0.9934)
    assert register(aws, settings, "digits-2", 0.98).status == "PendingManualApproval"
    assert registry.newest_approved(aws.sagemaker, "digits") == good


def test_an_empty_group_has_no_approved_package(aws: Clients) -> None:
    """Nothing approved is an answer, not an error."""
    assert registry.newest_approved(aws.sagemaker, "digits") is None


def test_an_empty_page_of_the_registry_is_not_its_end(aws: Clients) -> None:
    """SageMaker filters after paging: the newest approved package may stand on a later page."""
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


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_a_training_job_that_did_not_complete_has_no_package(
    aws: Clients, settings: Settings, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    """The handler asks SageMaker how the job ended, and registers nothing for a failed or stopped one."""
    for name, value in asdict(settings).items():
        monkeypatch.setenv(name.upper(), str(value))
    monkeypatch.setattr(register_model, "clients", lambda: aws)
    described = completed_job("digits-1", 0.99) | {"TrainingJobStatus": status, "SecondaryStatus": status}
    with Stubber(aws.sagemaker) as stub:
        stub.add_response("describe_training_job", described, {"TrainingJobName": "digits-20261122-1400"})
        register_model.handler(event("training_job_completed"), CONTEXT)
    assert aws.sagemaker.list_model_packages(ModelPackageGroupName="digits")["ModelPackageSummaryList"] == []
