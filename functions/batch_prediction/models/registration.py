"""A new model package for a completed training job, approved by its figures or pending approval."""

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from batch_prediction.aws import objects
from batch_prediction.aws.clients import Clients
from batch_prediction.figures import model_quality, reference
from batch_prediction.layout import code_digest, sibling_uri, training_quality, training_reference
from batch_prediction.models import announcement
from batch_prediction.models.artifact import Artifact
from batch_prediction.models.artifact import read as read_artifact
from batch_prediction.models.final_training import BEST_TRIAL, TUNING_JOB
from batch_prediction.models.registry import (
    CONTENT_TYPE,
    SERVING_ENVIRONMENT,
    ModelPackage,
    describe,
    newest_approved,
    of_training_job,
)
from batch_prediction.settings import Settings

if TYPE_CHECKING:
    from batch_prediction.aws.types import (
        S3Client,
        SageMakerClient,
        TrainingJobDescription,
    )

# CustomerMetadataProperties of https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
_MAX_KEY, _MAX_VALUE = 128, 256  # characters
_METADATA_ENTRIES = 50
VALIDATION, TEST = "validation-accuracy", "test-accuracy"  # what train.py logs, and keeps in config.json
_LOGGED = 1e-4  # the last decimal of a logged figure
_REFUSED = re.compile(r"[^\w .:/=+@-]")  # such a character makes SageMaker refuse the whole package


@dataclass(frozen=True)
class Approval:
    """Whether a new package may be used immediately, and why."""

    status: Literal["Approved", "PendingManualApproval"]
    reason: str


def approval(
    validation: float | None,
    test: float | None,
    approved: ModelPackage | None,
    floor: float,
    tolerance: float,
) -> Approval:
    """Decide whether a new package is approved automatically, or waits for a person.

    `validation` is the new model's accuracy on held-out training images, compared with that of the newest
    `approved` package; `test` clears the `floor` or not, and is never a choice among models.
    """
    waits: Final = "PendingManualApproval"
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


def register(aws: Clients, settings: Settings, job: "TrainingJobDescription") -> ModelPackage:
    """Register the model of a completed training job, as DescribeTrainingJob gave it. Safe to repeat.

    Models are compared by the validation accuracy of their tuning job's best trial, as a final training holds
    no images out; a training job without a tuning job is compared by its own.
    """
    package = of_training_job(aws.sagemaker, settings.name, job) or _create(aws, settings, job)
    announcement.announce(aws, settings, job["TrainingJobName"], package)
    return package


def _create(aws: Clients, settings: Settings, job: "TrainingJobDescription") -> ModelPackage:
    uri = job["ModelArtifacts"]["S3ModelArtifacts"]
    artifact = read_artifact(aws.s3, uri)
    name, metrics = job["TrainingJobName"], _metrics(aws.sagemaker, job, artifact)
    decision = approval(
        metrics.get(VALIDATION),
        metrics.get(TEST),
        newest_approved(aws.sagemaker, settings.name),
        settings.minimum_accuracy,
        settings.accuracy_tolerance,
    )
    _keep_reference(aws.s3, settings.bucket, name, artifact)
    description = f"Trained by {name}. {decision.status}: {decision.reason}{_contradiction(job, artifact)}"
    answer = aws.sagemaker.create_model_package(
        ModelPackageGroupName=settings.name,
        ModelPackageDescription=description,
        ModelApprovalStatus=decision.status,
        InferenceSpecification={
            "Containers": [
                {
                    "Image": serving_image(job, settings),
                    "ModelDataUrl": uri,
                    "Environment": SERVING_ENVIRONMENT,
                }
            ],
            "SupportedContentTypes": [CONTENT_TYPE],
            "SupportedResponseMIMETypes": [CONTENT_TYPE],
        },
        CustomerMetadataProperties=metadata(_known(aws.s3, job, metrics, artifact)),
        # Versioned packages have no name that could be taken: the token makes a repeated request one package.
        ClientToken=hashlib.sha256(job["TrainingJobArn"].encode()).hexdigest()[:36],
        **_model_metrics(aws.s3, settings.bucket, name, artifact),
    )
    return describe(aws.sagemaker, answer["ModelPackageArn"])


def serving_image(job: "TrainingJobDescription", settings: Settings) -> str:
    """The serving image in the registry that the training image came from: its account differs by region."""
    host, _, _ = job["AlgorithmSpecification"]["TrainingImage"].partition("/")
    return f"{host}/{settings.serving_image}"


def metadata(known: dict[str, str]) -> dict[str, str]:
    """The first 50 texts that aren't empty, cut to the registry's lengths, `_` for what it refuses."""
    given = [(name, value) for name, value in known.items() if value]
    return {
        _REFUSED.sub("_", name)[:_MAX_KEY]: _REFUSED.sub("_", value)[:_MAX_VALUE]
        for name, value in given[:_METADATA_ENTRIES]
    }


def _metrics(
    sagemaker: "SageMakerClient", job: "TrainingJobDescription", artifact: Artifact
) -> dict[str, float]:
    """What the job measured, and for what it didn't, what the best trial of its tuning job measured.

    But for the test set: a package's figures on it are its own model's or none.

    SageMaker's list of metrics may lag behind the job's end; the artifact has the figures as well.
    """
    found = artifact.metrics | _logged(job)
    trial = job.get("Environment", {}).get(BEST_TRIAL)
    if trial is None:
        return found
    of_trial = _logged(sagemaker.describe_training_job(TrainingJobName=trial))
    return {name: value for name, value in of_trial.items() if name != TEST} | found


def _logged(job: "TrainingJobDescription") -> dict[str, float]:
    """The metrics that SageMaker read from a job's log."""
    return {metric["MetricName"]: metric["Value"] for metric in job.get("FinalMetricDataList", [])}


def _contradiction(job: "TrainingJobDescription", artifact: Artifact) -> str:
    """Where SageMaker's metrics, which were used, and the artifact's differ; nothing where they don't."""
    logged, kept = _logged(job), artifact.metrics
    return "".join(
        f". The {name} {logged[name]:.4f} is SageMaker's FinalMetricDataList's; the artifact's config.json "
        f"says {kept[name]:.4f}"
        for name in (VALIDATION, TEST)
        if name in logged and name in kept and abs(logged[name] - kept[name]) > _LOGGED
    )


def _known(
    s3: "S3Client", job: "TrainingJobDescription", metrics: dict[str, float], artifact: Artifact
) -> dict[str, str]:
    """The model's properties and provenance, the most important first."""
    given, environment = job.get("HyperParameters", {}), job.get("Environment", {})
    known = {
        "training_job": job["TrainingJobName"],
        "artifact_sha256": artifact.sha256,
        "tuning_job": environment.get(TUNING_JOB, ""),
        "best_trial": environment.get(BEST_TRIAL, ""),
        "dataset_sha256": _dataset_digest(s3, job),
        "code_digest": code_digest(given.get("sagemaker_submit_directory", "")) or "",
        "training_image": job["AlgorithmSpecification"]["TrainingImage"],
        "torch_version": str(artifact.config.get("torch_version", "")),
    }
    known |= {re.sub(r"\W", "_", name): str(value) for name, value in sorted(metrics.items())}
    return known | {
        f"hyperparameter/{name}": value
        for name, value in sorted(given.items())
        if not name.startswith(("sagemaker_", "_"))
    }


def _dataset_digest(s3: "S3Client", job: "TrainingJobDescription") -> str:
    """The data set's digest, as `digits dataset` wrote it next to its images; empty where it didn't."""
    channels = {channel["ChannelName"]: channel for channel in job.get("InputDataConfig", [])}
    if "training" not in channels:
        return ""
    training = channels["training"]["DataSource"]["S3DataSource"]["S3Uri"]
    bucket, _, key = (sibling_uri(training, "dataset.json") or "").removeprefix("s3://").partition("/")
    if not key:
        return ""
    description = objects.read_json(s3, bucket, key)
    return "" if description is None else str(description.content["sha256"])


def _keep_reference(s3: "S3Client", bucket: str, job: str, artifact: Artifact) -> None:
    """Write the artifact's reference.json, if it has one, to where write_report reads it."""
    if artifact.reference:
        reference.read(artifact.reference)
        objects.put_json(s3, bucket, training_reference(job), artifact.reference)


def _model_metrics(
    s3: "S3Client", bucket: str, job: str, artifact: Artifact
) -> dict[str, Any]:  # keyword arguments
    """Write the test set's confusion matrix as model-quality statistics, and name them for the package."""
    matrix = artifact.config.get("confusion_matrix")
    if not matrix:
        return {}
    key = training_quality(job)
    objects.put_json(s3, bucket, key, model_quality.statistics(matrix))
    statistics = {"ContentType": "application/json", "S3Uri": f"s3://{bucket}/{key}"}
    return {"ModelMetrics": {"ModelQuality": {"Statistics": statistics}}}
