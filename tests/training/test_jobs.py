"""The request for a training job."""

import re
from typing import Any

import botocore.session
import pytest
from botocore.validate import validate_parameters

from training import jobs

JOB: dict[str, Any] = {
    "name": "digits-first",
    "bucket": "digits-bucket",
    "role": "arn:aws:iam::123456789012:role/digits-SageMakerRole",
    "image": "training:tag",
    "source": "s3://digits-bucket/code/first/sourcedir.tar.gz",
    "channels": {"training": "s3://digits-bucket/datasets/mnist/training/"},
    "hyperparameters": {"arch": "base"},
    "instance_type": "ml.g4dn.xlarge",
}


@pytest.mark.parametrize("others", [{}, {"spot": True, "instance_count": 2}])
def test_the_request_fits_sagemakers_service_model(others: dict[str, Any]) -> None:
    """Every member of the request is one of CreateTrainingJob in botocore, of its type."""
    model: Any = botocore.session.get_session().get_service_model("sagemaker")
    request = jobs.request(jobs.TrainingJob(**JOB, **others))
    validate_parameters(request, model.operation_model("CreateTrainingJob").input_shape)
    assert request["ResourceConfig"]["InstanceCount"] == others.get("instance_count", 1)


def test_a_spot_job_has_checkpoints_of_its_own_and_time_to_wait() -> None:
    """Its checkpoints are below its name, and its maximum wait is at least its maximum runtime."""
    request = jobs.request(jobs.TrainingJob(**JOB, spot=True))
    assert request["EnableManagedSpotTraining"] is True
    assert request["CheckpointConfig"] == {"S3Uri": "s3://digits-bucket/checkpoints/digits-first/"}
    condition = request["StoppingCondition"]
    assert condition["MaxWaitTimeInSeconds"] >= condition["MaxRuntimeInSeconds"] == 3600


def test_sagemaker_retries_what_it_failed_itself() -> None:
    """Twice, within the job's time."""
    assert jobs.request(jobs.TrainingJob(**JOB))["RetryStrategy"] == {"MaximumRetryAttempts": 2}


def test_another_job_neither_waits_nor_keeps_checkpoints() -> None:
    """SageMaker refuses a maximum wait without managed spot training."""
    request = jobs.request(jobs.TrainingJob(**JOB))
    assert request.keys().isdisjoint({"EnableManagedSpotTraining", "CheckpointConfig"})
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600}


def test_the_job_trains_with_what_it_was_given() -> None:
    """Code, image, role, channels, hyperparameters, instance and limits are the job's."""
    channels = {**JOB["channels"], "test": "s3://digits-bucket/datasets/mnist/test/"}
    job = jobs.TrainingJob(**{**JOB, "channels": channels}, instance_count=2, max_seconds=60)
    request = jobs.request(job)
    assert request["TrainingJobName"] == "digits-first"
    assert request["RoleArn"] == JOB["role"]
    assert request["AlgorithmSpecification"]["TrainingImage"] == "training:tag"
    assert request["HyperParameters"] == {
        "arch": "base",
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": JOB["source"],
    }
    sources = {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"]
        for channel in request["InputDataConfig"]
    }
    assert {name: source["S3Uri"] for name, source in sources.items()} == channels
    for source in sources.values():  # each host reads all images: train.py shares them out itself
        assert (source["S3DataType"], source["S3DataDistributionType"]) == ("S3Prefix", "FullyReplicated")
    assert request["OutputDataConfig"] == {"S3OutputPath": "s3://digits-bucket/models/"}
    assert request["ResourceConfig"]["InstanceType"] == "ml.g4dn.xlarge"
    assert request["ResourceConfig"]["InstanceCount"] == 2
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 60}


@pytest.mark.parametrize("value", ["0.9941", "12.0000", "1e-05", "0.0000"])
def test_sagemaker_reads_each_metric_from_its_own_line(value: str) -> None:
    """Of all patterns only the metric's own finds its line, and it finds the whole number."""
    for metric in jobs.METRICS:
        found = {name: re.search(jobs.regex(name), f"{metric}: {value}") for name in jobs.METRICS}
        matches = {name: match.group(1) for name, match in found.items() if match}
        assert matches == {metric: value}
