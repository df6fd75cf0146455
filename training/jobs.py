"""The request for one script-mode training job."""

from dataclasses import dataclass
from typing import Any

from batch_prediction.layout import CHECKPOINTS, MODELS
from training.source import ENTRY_POINT

# What train.py prints, as SageMaker reads it from the log.
METRICS = (
    *("train-loss", "validation-accuracy", "validation-nll", "validation-ece"),
    *("calibrated-nll", "calibrated-ece", "test-accuracy"),
)
LONGEST_WAIT = 4  # of a spot job, waiting included, as a multiple of its longest run


@dataclass(frozen=True)
class TrainingJob:
    """What one training job is made of; `channels` are `s3://` prefixes by name.

    `spot` trains on spare capacity at a lower price: SageMaker may interrupt the job, and lets it go on from
    its checkpoint (https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html).
    """

    name: str
    bucket: str
    role: str
    image: str
    source: str
    channels: dict[str, str]
    hyperparameters: dict[str, str]
    instance_type: str
    instance_count: int = 1
    longest_seconds: int = 3600
    spot: bool = False


def regex(metric: str) -> str:
    """How SageMaker reads a metric from train.py's log."""
    return rf"{metric}: ([0-9.eE+-]+)"


def request(job: TrainingJob) -> dict[str, Any]:
    """The request of https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html.

    Script mode: `sagemaker_program` and `sagemaker_submit_directory` are how AWS's images find the code.
    """
    spot = {
        "EnableManagedSpotTraining": True,
        "CheckpointConfig": {"S3Uri": f"s3://{job.bucket}/{CHECKPOINTS}{job.name}/"},
    }
    waiting = {"MaxWaitTimeInSeconds": LONGEST_WAIT * job.longest_seconds}
    return {
        "TrainingJobName": job.name,
        "RoleArn": job.role,
        "AlgorithmSpecification": {
            "TrainingImage": job.image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": name, "Regex": regex(name)} for name in METRICS],
        },
        "HyperParameters": {
            **job.hyperparameters,
            "sagemaker_program": ENTRY_POINT,
            "sagemaker_submit_directory": job.source,
        },
        "InputDataConfig": [_channel(name, uri) for name, uri in job.channels.items()],
        "OutputDataConfig": {"S3OutputPath": f"s3://{job.bucket}/{MODELS}"},
        "ResourceConfig": {
            "InstanceType": job.instance_type,
            "InstanceCount": job.instance_count,
            "VolumeSizeInGB": 30,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": job.longest_seconds, **(waiting if job.spot else {})},
        **(spot if job.spot else {}),
    }


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}
