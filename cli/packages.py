"""Model packages for people: what the registry knows about each version, and which one scores batches."""

import re
from dataclasses import dataclass
from typing import Any

from cli.errors import CommandError
from cli.stack import Stack

APPROVED, REJECTED = "Approved", "Rejected"
_MAX_REASON_LENGTH = 1024  # ApprovalDescription, in characters
# ListModelPackages: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListModelPackages.html
_ARN = re.compile(r"arn:[^:]+:sagemaker:[^:]*:[^:]*:model-package/(?P<group>[^/]+)/(?P<version>\d+)")


@dataclass(frozen=True)
class Package:
    """A version in the registry, from DescribeModelPackage's response; None stands for what isn't known."""

    described: dict[str, Any]

    @property
    def version(self) -> int:
        """Its number in the group."""
        return _version(self.described["ModelPackageArn"])

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata recorded at its registration."""
        metadata: dict[str, str] = self.described.get("CustomerMetadataProperties") or {}
        return metadata

    @property
    def reason(self) -> str | None:
        """Why it has its approval status: a person's reason, else that of its registration."""
        if given := self.described.get("ApprovalDescription"):
            return str(given)
        trained = f"Trained by {self.metadata.get('training_job')}. "  # how register_model begins
        return str(self.described.get("ModelPackageDescription", "")).removeprefix(trained) or None

    def figure(self, *names: str) -> float | None:
        """The first of these metrics that was recorded."""
        return next((float(self.metadata[name]) for name in names if name in self.metadata), None)

    def summary(self) -> dict[str, Any]:
        """Everything known about it, for programs; times in ISO 8601."""
        described = self.described
        containers = described.get("InferenceSpecification", {}).get("Containers", [])
        return {
            "version": self.version,
            "arn": described["ModelPackageArn"],
            "approval_status": described.get("ModelApprovalStatus"),
            "reason": self.reason,
            "created": described["CreationTime"].isoformat(),
            "last_modified": _iso(described.get("LastModifiedTime")),
            "last_modified_by": (described.get("LastModifiedBy") or {}).get("UserProfileName"),
            "description": described.get("ModelPackageDescription"),
            "training_job": self.metadata.get("training_job"),
            "validation_of": self.metadata.get("best_trial") or self.metadata.get("training_job"),
            "validation_accuracy": self.figure("validation_accuracy"),
            "test_accuracy": self.figure("test_accuracy"),
            "expected_calibration_error": self.figure("calibrated_ece", "validation_ece"),
            "artifact_sha256": self.metadata.get("artifact_sha256"),
            "artifact": containers[0].get("ModelDataUrl") if containers else None,
            "image": containers[0].get("Image") if containers else None,
            "environment": containers[0].get("Environment", {}) if containers else {},
            "model_quality": _quality(described),
            "metadata": self.metadata,
        }


def summaries(sagemaker: Any, group: str) -> list[dict[str, Any]]:
    """The group's summaries of ListModelPackages, newest first, from all pages."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending"
    )
    found: list[dict[str, Any]] = []
    for page in pages:
        found += page["ModelPackageSummaryList"]
    return found


def describe(sagemaker: Any, arn: str) -> Package:
    """One version by its ARN."""
    return Package(sagemaker.describe_model_package(ModelPackageName=arn))


def find(listed: list[dict[str, Any]], stack: Stack, version: str) -> str:
    """Return the ARN of a version, given its number or its ARN; CommandError if there is none."""
    arn = _ARN.fullmatch(version)
    if not version.isdecimal() and not (arn and arn["group"] == stack.group):
        raise CommandError(
            f"model package {version}: expected a version of the group {stack.group}, such as 3, or its ARN"
        )
    number = int(arn["version"] if arn else version)
    for summary in listed:
        if _version(summary["ModelPackageArn"]) == number:
            return str(summary["ModelPackageArn"])
    existing = ", ".join(str(_version(summary["ModelPackageArn"])) for summary in listed[:10])
    raise CommandError(
        f"model package {version}: expected a version of the group {stack.group}, which has "
        f"{existing or 'none yet: train a model first'}"
    )


def decide(sagemaker: Any, package: Package, status: str, reason: str) -> None:
    """Set a version's approval status with its reason.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelPackage.html doesn't say whether
    omitted metadata is kept, so all of it is sent.
    """
    kept = {"CustomerMetadataProperties": package.metadata} if package.metadata else {}
    sagemaker.update_model_package(
        ModelPackageArn=package.described["ModelPackageArn"],
        ModelApprovalStatus=status,
        ApprovalDescription=reason,
        **kept,
    )


def reason_of(text: str) -> str:
    """Return a reason in SageMaker's form: one line; CommandError for one that is empty or too long."""
    reason = " ".join(text.split())
    if not 1 <= len(reason) <= _MAX_REASON_LENGTH:
        raise CommandError(f"--reason: expected 1 to {_MAX_REASON_LENGTH} characters, found {len(reason)}")
    return reason


def scoring_version(listed: list[dict[str, Any]]) -> int | None:
    """Return the version that scores a batch dropped now, the newest Approved one; None without one."""
    approved = [summary for summary in listed if summary["ModelApprovalStatus"] == APPROVED]
    return _version(approved[0]["ModelPackageArn"]) if approved else None


def _version(arn: str) -> int:
    return int(arn.rpartition("/")[2])


def _iso(time: Any) -> str | None:
    return time.isoformat() if time else None


def _quality(described: dict[str, Any]) -> str | None:
    metrics = described.get("ModelMetrics") or {}
    address: str | None = metrics.get("ModelQuality", {}).get("Statistics", {}).get("S3Uri")
    return address
