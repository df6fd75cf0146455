"""The model registry: the newest approved package, and the package of a training job."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch_prediction.aws.sagemaker import describe_or_none

if TYPE_CHECKING:
    from batch_prediction.aws.types import ModelPackageDescription, SageMakerClient, TrainingJobDescription

CONTENT_TYPE = "application/jsonlines"

# What AWS's serving images need to find our code. Ray Serve: SM_RAYSERVE_APP
# (https://aws.github.io/deep-learning-containers/ray/); the older PyTorch images: the rest.
SERVING_ENVIRONMENT = {
    "SM_RAYSERVE_APP": "deployment:app",
    "RAYSERVE_BACKEND_TIMEOUT": "600",  # seconds, as long as SageMaker waits for an answer
    "RAY_USAGE_STATS_ENABLED": "0",  # https://docs.ray.io/en/latest/cluster/usage-stats.html
    "SAGEMAKER_PROGRAM": "inference.py",
    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    "TS_MAX_REQUEST_SIZE": "104857600",  # bytes: SageMaker's largest payload
    "TS_MAX_RESPONSE_SIZE": "104857600",
    "TS_DEFAULT_RESPONSE_TIMEOUT": "600",  # seconds
}


@dataclass(frozen=True)
class ModelPackage:
    """A version in the registry; the figures are those that its training job measured, 0 to 1."""

    arn: str
    status: str  # its approval status
    training_job: str | None
    artifact_sha256: str | None
    validation_accuracy: float | None
    description: str = ""  # who trained it, and why it is approved or waits
    image: str | None = None  # of its container, by its tag, which may move
    image_digest: str | None = None  # where SageMaker says which image that was

    @classmethod
    def described(cls, answer: "ModelPackageDescription") -> "ModelPackage":
        """Read SageMaker's answer to DescribeModelPackage."""
        metadata = answer.get("CustomerMetadataProperties", {})
        accuracy = metadata.get("validation_accuracy")
        containers = answer.get("InferenceSpecification", {}).get("Containers", [])
        return cls(
            arn=answer["ModelPackageArn"],
            status=answer["ModelApprovalStatus"],
            training_job=metadata.get("training_job"),
            artifact_sha256=metadata.get("artifact_sha256"),
            validation_accuracy=None if accuracy is None else float(accuracy),
            description=answer.get("ModelPackageDescription", ""),
            image=containers[0].get("Image") if containers else None,
            image_digest=containers[0].get("ImageDigest") if containers else None,
        )


def newest_approved(sagemaker: "SageMakerClient", group: str) -> ModelPackage | None:
    """The newest Approved package of the group; or None."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
    )
    for page in pages:  # an empty page isn't necessarily the last
        for newest in page["ModelPackageSummaryList"]:
            package = describe(sagemaker, newest["ModelPackageArn"])
            if package.status == "Approved":  # it may have been rejected since it was listed
                return package
    return None


def describe(sagemaker: "SageMakerClient", arn: str) -> ModelPackage:
    """One package by its ARN."""
    return ModelPackage.described(sagemaker.describe_model_package(ModelPackageName=arn))


def find(sagemaker: "SageMakerClient", arn: str) -> ModelPackage | None:
    """One package by its ARN; None where it has been deleted."""
    return describe_or_none(lambda: describe(sagemaker, arn))


def of_training_job(
    sagemaker: "SageMakerClient", group: str, job: "TrainingJobDescription"
) -> ModelPackage | None:
    """The package that was registered for a training job, as DescribeTrainingJob gave it; or None."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, CreationTimeAfter=job["CreationTime"]
    )
    for page in pages:
        for summary in page["ModelPackageSummaryList"]:
            package = describe(sagemaker, summary["ModelPackageArn"])
            if package.training_job == job["TrainingJobName"]:
                return package
    return None
