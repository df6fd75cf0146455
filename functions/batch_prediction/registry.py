"""The model registry: the newest approved package, and a new package for a finished training job."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from batch_prediction.settings import Settings

CONTENT_TYPE = "application/jsonlines"
# CustomerMetadataProperties of https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
_LONGEST_KEY, _LONGEST_VALUE = 128, 256  # characters
_METADATA_ENTRIES = 50
_REFUSED = re.compile(r"[^\w .:/=+@-]")  # such a character makes SageMaker refuse the whole package
_CHUNK = 1024 * 1024  # bytes

# What AWS's serving images need to find our code. Ray Serve: SM_RAYSERVE_APP
# (https://aws.github.io/deep-learning-containers/ray/); the older PyTorch images: the rest.
SERVING_ENVIRONMENT = {
    "SM_RAYSERVE_APP": "deployment:app",
    "RAYSERVE_BACKEND_TIMEOUT": "600",  # seconds, as long as SageMaker waits for an answer
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

    @classmethod
    def described(cls, answer: dict[str, Any]) -> "ModelPackage":
        """Read SageMaker's answer to DescribeModelPackage."""
        metadata = answer.get("CustomerMetadataProperties", {})
        accuracy = metadata.get("validation_accuracy")
        return cls(
            arn=answer["ModelPackageArn"],
            status=answer["ModelApprovalStatus"],
            training_job=metadata.get("training_job"),
            artifact_sha256=metadata.get("artifact_sha256"),
            validation_accuracy=None if accuracy is None else float(accuracy),
        )


@dataclass(frozen=True)
class Approval:
    """Whether a new package may be used at once, and why."""

    status: str  # Approved or PendingManualApproval
    reason: str


def newest_approved(sagemaker: Any, group: str) -> ModelPackage | None:
    """The newest Approved package of the group; None when there is none."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
    )
    for page in pages:  # a page may be empty and yet not be the last
        for newest in page["ModelPackageSummaryList"]:
            return describe(sagemaker, newest["ModelPackageArn"])
    return None


def describe(sagemaker: Any, arn: str) -> ModelPackage:
    """One package by its ARN."""
    return ModelPackage.described(sagemaker.describe_model_package(ModelPackageName=arn))


def of_training_job(sagemaker: Any, group: str, job: dict[str, Any]) -> ModelPackage | None:
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


def approval(
    validation: float | None,
    test: float | None,
    approved: ModelPackage | None,
    floor: float,
    tolerance: float,
) -> Approval:
    """Decide whether a new package is approved by itself, or waits for a person.

    `validation` is the new model's accuracy on held-out training images, compared with that of the newest
    `approved` package; `test` clears the `floor` or not, and is never a choice among models.
    """
    waits = "PendingManualApproval"
    if test is None:
        return Approval(waits, "the training job reported no test-accuracy: give it a channel named test")
    if test < floor:
        return Approval(waits, f"test accuracy {test:.4f} is below the floor MinimumAccuracy, {floor:.4f}")
    cleared = f"test accuracy {test:.4f} clears the floor {floor:.4f}"
    if approved is None:
        return Approval("Approved", f"{cleared}; there is no approved package to compare with")
    if validation is None:
        return Approval(waits, f"{cleared}, but the training job reported no validation-accuracy to compare")
    before = approved.validation_accuracy
    if before is None:
        return Approval(waits, f"{cleared}, but {approved.arn} has no validation_accuracy to compare with")
    compared = f"validation accuracy {validation:.4f} against the approved package's {before:.4f}"
    if validation < before - tolerance:
        return Approval(waits, f"{compared} is lower by more than AccuracyTolerance, {tolerance:.4f}")
    return Approval("Approved", f"{cleared}; {compared}")


def register(sagemaker: Any, s3: Any, settings: Settings, job: dict[str, Any]) -> ModelPackage:
    """Register the model of a completed training job, as DescribeTrainingJob gave it. Safe to repeat."""
    if package := of_training_job(sagemaker, settings.name, job):
        return package
    metrics = {metric["MetricName"]: metric["Value"] for metric in job.get("FinalMetricDataList", [])}
    decision = approval(
        metrics.get("validation-accuracy"),
        metrics.get("test-accuracy"),
        newest_approved(sagemaker, settings.name),
        settings.minimum_accuracy,
        settings.accuracy_tolerance,
    )
    artifact = job["ModelArtifacts"]["S3ModelArtifacts"]
    answer = sagemaker.create_model_package(
        ModelPackageGroupName=settings.name,
        ModelPackageDescription=f"Trained by {job['TrainingJobName']}. {decision.status}: {decision.reason}",
        ModelApprovalStatus=decision.status,
        InferenceSpecification={
            "Containers": [
                {
                    "Image": serving_image(job, settings),
                    "ModelDataUrl": artifact,
                    "Environment": SERVING_ENVIRONMENT,
                }
            ],
            "SupportedContentTypes": [CONTENT_TYPE],
            "SupportedResponseMIMETypes": [CONTENT_TYPE],
        },
        CustomerMetadataProperties=_metadata(job, metrics, sha256(s3, artifact)),
        # Versioned packages have no name that could be taken: the token makes a repeated request one package.
        ClientToken=hashlib.sha256(job["TrainingJobArn"].encode()).hexdigest()[:36],
    )
    return describe(sagemaker, answer["ModelPackageArn"])


def serving_image(job: dict[str, Any], settings: Settings) -> str:
    """The serving image in the registry that the training image came from: its account differs by region."""
    host, _, _ = job["AlgorithmSpecification"]["TrainingImage"].partition("/")
    return f"{host}/{settings.serving_image}"


def sha256(s3: Any, uri: str) -> str:
    """The digest of an object, read in chunks."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    digest = hashlib.sha256()
    for chunk in s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _metadata(job: dict[str, Any], metrics: dict[str, float], artifact_sha256: str) -> dict[str, str]:
    """What is known of the model, as the registry takes it: at most 50 texts, `_` for what it refuses."""
    known = {"training_job": job["TrainingJobName"], "artifact_sha256": artifact_sha256}
    known |= {re.sub(r"\W", "_", name): str(value) for name, value in sorted(metrics.items())}
    known |= {
        f"hyperparameter/{name}": value
        for name, value in sorted(job.get("HyperParameters", {}).items())
        if not name.startswith(("sagemaker_", "_"))
    }
    entries = list(known.items())[:_METADATA_ENTRIES]
    return {
        _REFUSED.sub("_", name)[:_LONGEST_KEY]: _REFUSED.sub("_", value)[:_LONGEST_VALUE]
        for name, value in entries
        if value
    }
