"""The request for a training job."""

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


def test_another_job_neither_waits_nor_keeps_checkpoints() -> None:
    """SageMaker refuses a maximum wait without managed spot training."""
    request = jobs.request(jobs.TrainingJob(**JOB))
    assert request.keys().isdisjoint({"EnableManagedSpotTraining", "CheckpointConfig"})
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600}
