"""The request for one script-mode training job."""

from dataclasses import dataclass
from typing import Any

from batch_prediction.layout import CHECKPOINTS, MODELS
from batch_prediction.models.final_training import MAX_WAIT_FACTOR, RETRY_STRATEGY
from training.source import ENTRY_POINT

# The metrics that train.py prints and SageMaker reads from the log.
METRICS = (
    *("train-loss", "validation-accuracy", "validation-nll", "validation-ece"),
    *("calibrated-nll", "calibrated-ece", "validation-images", "test-accuracy"),
)


@dataclass(frozen=True)
class TrainingJob:
    """The parameters of one training job; `channels` are `s3://` prefixes by name.

    `spot` trains on spot instances at a lower price: SageMaker may interrupt the job, and resumes it from its
    checkpoint (https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html).
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
    max_seconds: int = 3600
    spot: bool = False


def regex(metric: str) -> str:
    """The regular expression by which SageMaker reads a metric from train.py's log."""
    return rf"{metric}: ([0-9.eE+-]+)"


def request(job: TrainingJob) -> dict[str, Any]:
    """The request of https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html.

    Script mode: `sagemaker_program` and `sagemaker_submit_directory` are how AWS's images find the code.
    """
    spot = {
        "EnableManagedSpotTraining": True,
        "CheckpointConfig": {"S3Uri": f"s3://{job.bucket}/{CHECKPOINTS}{job.name}/"},
    }
    waiting = {"MaxWaitTimeInSeconds": MAX_WAIT_FACTOR * job.max_seconds}
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
        "StoppingCondition": {"MaxRuntimeInSeconds": job.max_seconds, **(waiting if job.spot else {})},
        "RetryStrategy": RETRY_STRATEGY,
        **(spot if job.spot else {}),
    }


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}
