"""The request for one script-mode training job."""

from dataclasses import dataclass
from typing import Any

from batch_prediction.layout import MODELS
from training.source import ENTRY_POINT

# What train.py prints, as SageMaker reads it from the log.
METRICS = ("train-loss", "validation-accuracy", "validation-nll", "test-accuracy")


@dataclass(frozen=True)
class TrainingJob:
    """What one training job is made of; `channels` are `s3://` prefixes by name."""

    name: str
    bucket: str
    role: str
    image: str
    source: str
    channels: dict[str, str]
    hyperparameters: dict[str, str]
    instance_type: str
    longest_seconds: int = 3600


def request(job: TrainingJob) -> dict[str, Any]:
    """The request of https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html.

    Script mode: `sagemaker_program` and `sagemaker_submit_directory` are how AWS's images find the code.
    """
    return {
        "TrainingJobName": job.name,
        "RoleArn": job.role,
        "AlgorithmSpecification": {
            "TrainingImage": job.image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": name, "Regex": rf"{name}: ([0-9.eE+-]+)"} for name in METRICS],
        },
        "HyperParameters": {
            **job.hyperparameters,
            "sagemaker_program": ENTRY_POINT,
            "sagemaker_submit_directory": job.source,
        },
        "InputDataConfig": [_channel(name, uri) for name, uri in job.channels.items()],
        "OutputDataConfig": {"S3OutputPath": f"s3://{job.bucket}/{MODELS}"},
        "ResourceConfig": {"InstanceType": job.instance_type, "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": job.longest_seconds},
    }


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}
