"""`digits up --model demo`: trained once, then kept."""

import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from batch_prediction.models.registry import newest_approved
from cli import demo
from cli.ready_model import KeptModel, provide, user_cache
from cli.stack import Stack
from localcloud.assembly import local_cloud
from localcloud.core.cloud import Cloud
from training import source

JOB = "digits-1-final"


def stack(cloud: Cloud, bucket: str) -> Stack:
    """What `provide` needs of a stack: its bucket and its group, empty."""
    cloud.client("s3").create_bucket(Bucket=bucket)
    cloud.client("sagemaker").create_model_package_group(ModelPackageGroupName="digits")
    return Stack("digits-local", {"BucketName": bucket, "ModelPackageGroupName": "digits"})


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The buckets of the trainings that there have been; a training leaves a package and its objects."""
    done: list[str] = []

    def train(_stages: Any, cloud: Cloud, stack: Stack, *_: Any) -> None:
        done.append(stack.bucket)
        s3 = cloud.client("s3")
        for key in ("output/model.tar.gz", "model_quality.json", "package.json"):
            s3.put_object(Bucket=stack.bucket, Key=f"models/{JOB}/{key}", Body=key.encode())
        place = f"s3://{stack.bucket}/models/{JOB}"
        cloud.client("sagemaker").create_model_package(
            ModelPackageGroupName="digits",
            ModelPackageDescription="Trained",
            ModelApprovalStatus="Approved",
            InferenceSpecification={
                "Containers": [{"Image": "image", "ModelDataUrl": f"{place}/output/model.tar.gz"}],
                "SupportedContentTypes": ["application/jsonlines"],
                "SupportedResponseMIMETypes": ["application/jsonlines"],
            },
            CustomerMetadataProperties={"training_job": JOB, "test_accuracy": "0.98"},
            ModelMetrics={
                "ModelQuality": {
                    "Statistics": {
                        "ContentType": "application/json",
                        "S3Uri": f"{place}/model_quality.json",
                    }
                }
            },
        )

    monkeypatch.setattr(demo, "train", train)
    return done


@pytest.mark.parametrize("given", [True, False], ids=["state", "cache"])
def test_the_model_is_trained_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trainings: list[str], given: bool
) -> None:
    """The next empty cloud has it approved in its own bucket, with all but the former registry's note."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    state = tmp_path / "state" if given else None
    for bucket in ("first", "second"):
        with local_cloud() as cloud:
            found = stack(cloud, bucket)
            provide(Console(quiet=True), cloud, found, state)
            provide(Console(quiet=True), cloud, found, state)
            sagemaker = cloud.client("sagemaker")
            listed = sagemaker.list_model_packages(ModelPackageGroupName="digits")
            assert len(listed["ModelPackageSummaryList"]) == 1
            package = newest_approved(sagemaker, "digits")
            assert package is not None
            assert package.training_job == JOB
            described = sagemaker.describe_model_package(ModelPackageName=package.arn)
            uri = f"s3://{bucket}/models/{JOB}"
            container = described["InferenceSpecification"]["Containers"][0]
            assert container["ModelDataUrl"] == f"{uri}/output/model.tar.gz"
            quality = described["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
            assert quality == f"{uri}/model_quality.json"
            there = cloud.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
            names = {entry["Key"].removeprefix(f"models/{JOB}/") for entry in there}
            assert names - {"package.json"} == {"output/model.tar.gz", "model_quality.json"}
    assert names == {"output/model.tar.gz", "model_quality.json"}
    assert trainings == ["first"]
    (kept,) = (tmp_path / ("state" if given else "cache/digit-batch") / "models").iterdir()
    assert (kept / "package.json").is_file()


def test_other_training_code_is_another_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of an earlier version isn't taken for this one's."""
    before = KeptModel.of(tmp_path)
    monkeypatch.setattr(source, "pack", lambda: b"other")
    assert KeptModel.of(tmp_path) != before


@pytest.mark.parametrize(
    ("platform", "variable", "folder"),
    [
        ("linux", "", ".cache/digit-batch"),
        ("linux", "relative", ".cache/digit-batch"),
        ("darwin", "", "Library/Caches/digit-batch"),
    ],
)
def test_the_cache_is_where_the_platform_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, variable: str, folder: str
) -> None:
    """A relative XDG_CACHE_HOME is ignored, as its specification says."""
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("XDG_CACHE_HOME", variable)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_cache() == tmp_path / folder
