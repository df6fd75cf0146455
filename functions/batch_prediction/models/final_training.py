"""The final training of a tuning job: its definition, its best hyperparameters, all training images."""

import re
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from batch_prediction.aws.clients import Clients
from batch_prediction.aws.errors import code
from batch_prediction.aws.sagemaker import verify_same_request
from batch_prediction.layout import CHECKPOINTS, MODELS, TRIALS, sibling_uri, tuning_failure
from batch_prediction.models import failure
from batch_prediction.settings import Settings

if TYPE_CHECKING:
    from batch_prediction.aws.types import Channel, S3Client, TrainingJobDefinition, TuningJobDescription

# Where register_model finds the search that a model came from: DescribeTrainingJob answers the environment.
TUNING_JOB, BEST_TRIAL = "DIGITS_TUNING_JOB", "DIGITS_BEST_TRIAL"
# The training image's builds that `digits tune` found, in the environment of the trials.
CPU_IMAGE, GPU_IMAGE = "DIGITS_CPU_IMAGE", "DIGITS_GPU_IMAGE"
MAX_SECONDS = 3600
MAX_WAIT_FACTOR = 4  # of a spot job, waiting included, as a multiple of its longest run
# Members of a training job definition that CreateTrainingJob takes as they are.
_KEPT = (
    *("AlgorithmSpecification", "VpcConfig", "EnableNetworkIsolation"),
    *("EnableInterContainerTrafficEncryption", "RetryStrategy"),
)
# The builds of AWS's repository pytorch-training differ in one word of the tag; those of its successors don't
# (https://aws.github.io/deep-learning-containers/reference/available_images/).
_BUILD = re.compile(r"-(cpu|gpu)-(?=py\d)")
_GPU = re.compile(r"ml\.[gp]\d")  # https://aws.amazon.com/sagemaker/ai/pricing/: G and P instances have GPUs


def job_name(tuning_job: str) -> str:
    """The name of a tuning job's final training job: SageMaker refuses a second one."""
    return f"{tuning_job}-final"


def start(aws: Clients, settings: Settings, tuning_job: str) -> str:
    """Start the final training of an ended tuning job, or record why there can't be one. Safe to repeat.

    Returns the training job's name, or the reason.
    """
    tuning = aws.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=tuning_job)
    _check_ours(settings, tuning)
    if reason := _obstacle(settings, tuning):
        status = tuning["HyperParameterTuningJobStatus"]
        failure.record(aws, settings, tuning_failure(tuning_job), tuning_job, status, reason)
        return reason
    wanted = request(settings, tuning)
    _drop_missing_test_channel(aws.s3, wanted)
    name: str = wanted["TrainingJobName"]
    try:
        aws.sagemaker.create_training_job(**wanted)
    except ClientError as error:
        if code(error) != "ResourceInUse":
            raise
        found = aws.sagemaker.describe_training_job(TrainingJobName=name)
        identity = {member: wanted[member] for member in ("OutputDataConfig", "Environment")}
        verify_same_request(f"training job {name}", error, identity, found)
    return name


def request(settings: Settings, tuning: "TuningJobDescription") -> dict[str, Any]:  # keyword arguments
    """The CreateTrainingJob request that follows from DescribeHyperParameterTuningJob's answer.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html. Trains on what the
    trials held out, too; the channel `test` is measured once, by the finished model.
    """
    definition, best = tuning["TrainingJobDefinition"], tuning["BestTrainingJob"]
    name = job_name(tuning["HyperParameterTuningJobName"])
    given = definition.get("StaticHyperParameters", {}) | best["TunedHyperParameters"]
    spot = {
        "EnableManagedSpotTraining": True,
        "CheckpointConfig": {"S3Uri": f"s3://{settings.bucket}/{CHECKPOINTS}{name}/"},
    }
    waiting = {"MaxWaitTimeInSeconds": MAX_WAIT_FACTOR * MAX_SECONDS}
    members = cast("dict[str, Any]", definition)  # its keys are variables
    kept = {member: members[member] for member in _KEPT if members.get(member)}
    algorithm = kept["AlgorithmSpecification"]
    return {
        **kept,
        "TrainingJobName": name,
        "RoleArn": settings.sagemaker_role_arn,
        "AlgorithmSpecification": algorithm
        | {"TrainingImage": image(settings.training_instance_type, definition)},
        "HyperParameters": {key: value for key, value in given.items() if not key.startswith("_")}
        | {"validation-images": "0"},
        "InputDataConfig": _channels(definition["InputDataConfig"]),
        "OutputDataConfig": {"S3OutputPath": f"s3://{settings.bucket}/{MODELS}"},
        "ResourceConfig": {
            "InstanceType": settings.training_instance_type,
            "InstanceCount": 1,
            "VolumeSizeInGB": 30,
        },
        "StoppingCondition": {
            "MaxRuntimeInSeconds": MAX_SECONDS,
            **(waiting if settings.spot_training else {}),
        },
        "Environment": definition.get("Environment", {})
        | {TUNING_JOB: tuning["HyperParameterTuningJobName"], BEST_TRIAL: best["TrainingJobName"]},
        **(spot if settings.spot_training else {}),
    }


def _check_ours(settings: Settings, tuning: "TuningJobDescription") -> None:
    output = tuning["TrainingJobDefinition"]["OutputDataConfig"]["S3OutputPath"]
    if not output.startswith(expected := f"s3://{settings.bucket}/{TRIALS}"):
        name = tuning["HyperParameterTuningJobName"]
        raise ValueError(f"tuning job {name}: expected its trials below {expected}, found {output}")


def _obstacle(settings: Settings, tuning: "TuningJobDescription") -> str | None:
    """Why an ended tuning job has no final training; None when it gets one."""
    status = tuning["HyperParameterTuningJobStatus"]
    if status in ("Failed", "Stopped"):
        return str(tuning.get("FailureReason") or f"the tuning job is {status}, and gives no reason")
    if status != "Completed":
        raise ValueError(
            f"tuning job {tuning['HyperParameterTuningJobName']}: expected one that has ended, found {status}"
        )
    if not tuning.get("BestTrainingJob", {}).get("TunedHyperParameters"):
        counts = tuning.get("TrainingJobStatusCounters", {})
        return f"no trial reported the objective; trials by status: {counts}"
    definition, instance_type = tuning["TrainingJobDefinition"], settings.training_instance_type
    if image(instance_type, definition) is None:
        return (
            f"TrainingInstanceType is {instance_type}, and the trials on "
            f"{definition['ResourceConfig']['InstanceType']} used the image "
            f"{definition['AlgorithmSpecification']['TrainingImage']}, whose build for the other kind of "
            "instance isn't known: start the search with `digits tune`, which names both, or on an instance "
            "of the same kind"
        )
    return None


def _channels(trial: "list[Channel]") -> "list[Channel]":
    """The trials' channels, and `test`, which lies next to `training` (layout.py)."""
    channels = {channel["ChannelName"]: channel for channel in trial}
    training = channels["training"]
    source = training["DataSource"]["S3DataSource"]
    if "test" not in channels and (uri := sibling_uri(source["S3Uri"], "test/")):
        channels["test"] = {
            **training,
            "ChannelName": "test",
            "DataSource": {"S3DataSource": {**source, "S3Uri": uri}},
        }
    return list(channels.values())


def _drop_missing_test_channel(s3: "S3Client", wanted: dict[str, Any]) -> None:  # as `request` made it
    """SageMaker fails a job whose channel is empty; without a test set the model waits for a person."""
    kept = []
    for channel in wanted["InputDataConfig"]:
        uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        if channel["ChannelName"] != "test" or s3.list_objects_v2(
            Bucket=bucket, Prefix=prefix, MaxKeys=1
        ).get("Contents"):
            kept.append(channel)
    wanted["InputDataConfig"] = kept


def image(instance_type: str, definition: "TrainingJobDefinition") -> str | None:
    """The training image's build for an instance, of a tuning job's definition; None where none is known.

    The trials' instances may be of the other kind, with a GPU or without.
    """
    trials = definition["AlgorithmSpecification"]["TrainingImage"]
    wanted = has_gpu(instance_type)
    if found := definition.get("Environment", {}).get(GPU_IMAGE if wanted else CPU_IMAGE):
        return found
    build = _BUILD.search(trials)
    if build:
        return trials.replace(build[0], "-gpu-" if wanted else "-cpu-")
    return trials if has_gpu(definition["ResourceConfig"]["InstanceType"]) == wanted else None


def has_gpu(instance_type: str) -> bool:
    """Whether an instance has GPUs: those of the families G and P do."""
    return _GPU.match(instance_type) is not None
