"""The final training of a tuning job: its definition, its best trial's hyperparameters and temperature.

It trains on all training images, so the temperature that calibrates it is the one that was fitted on the
images that the best trial held out: the channel `trial` is that trial's artifact.
"""

import re
from itertools import count
from time import time
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from batch_prediction.aws import capacity
from batch_prediction.aws.capacity import Lacking
from batch_prediction.aws.clients import Clients
from batch_prediction.aws.errors import code
from batch_prediction.aws.job_options import cost_tags, volume_key, vpc
from batch_prediction.aws.sagemaker import describe_or_none, verify_same_request
from batch_prediction.layout import CHECKPOINTS, MODELS, TRIALS, output_uri, sibling_uri, tuning_failure
from batch_prediction.models import best_trial, failure
from batch_prediction.models.best_trial import Trial
from batch_prediction.settings import Settings

if TYPE_CHECKING:
    from batch_prediction.aws.types import (
        Channel,
        S3Client,
        SageMakerClient,
        TrainingJobDefinition,
        TrainingJobDescription,
        TuningJobDescription,
    )

# Where register_model finds the search that a model came from: DescribeTrainingJob answers the environment.
TUNING_JOB, BEST_TRIAL = "DIGITS_TUNING_JOB", "DIGITS_BEST_TRIAL"
# The training image's builds that `digits tune` found, in the environment of the trials.
CPU_IMAGE, GPU_IMAGE = "DIGITS_CPU_IMAGE", "DIGITS_GPU_IMAGE"
MAX_SECONDS = 3600
MAX_WAIT_FACTOR = 4  # of a spot job, waiting included, as a multiple of its longest run
OPTIONAL_CHANNELS = ("test", "trial")  # left out where there are no objects
# When SageMaker itself fails it: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_RetryStrategy.html
RETRY_STRATEGY = {"MaximumRetryAttempts": 2}
# Members of a training job definition that CreateTrainingJob takes as they are.
_KEPT = (
    *("AlgorithmSpecification", "VpcConfig", "EnableNetworkIsolation"),
    *("EnableInterContainerTrafficEncryption", "RetryStrategy"),
)
# The builds of AWS's repository pytorch-training differ in one word of the tag; those of its successors don't
# (https://aws.github.io/deep-learning-containers/reference/available_images/).
_BUILD = re.compile(r"-(cpu|gpu)-(?=py\d)")
_GPU = re.compile(r"ml\.[gp]\d")  # https://aws.amazon.com/sagemaker/ai/pricing/: G and P instances have GPUs


def job_name(tuning_job: str, attempt: int = 1) -> str:
    """The name of a tuning job's final training job: SageMaker refuses a second one.

    After one that found no instances comes another attempt, -2, -3 and so on.
    """
    return f"{tuning_job}-final" if attempt == 1 else f"{tuning_job}-final-{attempt}"


def lacked_capacity(job: "TrainingJobDescription") -> bool:
    """Whether AWS had no instances for a final training: it gets another attempt, unless it is given up."""
    reason, environment = job.get("FailureReason"), job.get("Environment", {})
    return TUNING_JOB in environment and capacity.is_lacking(job["TrainingJobStatus"], reason)


def describe_attempts(sagemaker: "SageMakerClient", tuning_job: str) -> "list[TrainingJobDescription]":
    """A tuning job's final training jobs, oldest first: all but the last found no instances."""
    found: list[TrainingJobDescription] = []
    for attempt in count(1):
        job = _describe(sagemaker, job_name(tuning_job, attempt))
        if job is None:
            break
        found.append(job)
        if not lacked_capacity(job):
            break
    return found


def _describe(sagemaker: "SageMakerClient", name: str) -> "TrainingJobDescription | None":
    return describe_or_none(lambda: sagemaker.describe_training_job(TrainingJobName=name))


def start(aws: Clients, settings: Settings, tuning_job: str) -> str:
    """Start the final training of an ended tuning job, or record why there can't be one. Safe to repeat.

    Returns the training job's name, or the reason. A training that found no instances is followed by another
    when its pause is over; who asks for that again is the sweep.
    """
    tuning = aws.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=tuning_job)
    _check_ours(settings, tuning)
    if reason := _obstacle(settings, tuning):
        status = tuning["HyperParameterTuningJobStatus"]
        failure.record(aws, settings, tuning_failure(tuning_job), tuning_job, status, reason)
        return reason
    wanted = request(settings, tuning, best_trial.choose(aws.sagemaker, tuning))
    try:
        return _create(aws, wanted)
    except ClientError as error:
        if code(error) != "ResourceInUse":
            raise
        attempts = describe_attempts(aws.sagemaker, tuning_job)
        if not attempts:
            raise  # the description lags behind
        for job in attempts:
            identity = _identity(wanted, job)
            verify_same_request(f"training job {job['TrainingJobName']}", error, identity, job)
    return _follow(aws, settings, tuning, attempts)


def _identity(wanted: dict[str, Any], job: "TrainingJobDescription") -> dict[str, Any]:  # of requests
    """What makes a job the wanted one: which of the search's trials it follows doesn't matter.

    That is chosen by metrics, which may have been incomplete when the job was created.
    """
    environment = wanted["Environment"]
    trial = job.get("Environment", {}).get(BEST_TRIAL, "")
    followed = {BEST_TRIAL: trial} if trial.startswith(f"{environment[TUNING_JOB]}-") else {}
    return {"OutputDataConfig": wanted["OutputDataConfig"], "Environment": environment | followed}


def _follow(
    aws: Clients,
    settings: Settings,
    tuning: "TuningJobDescription",
    attempts: "list[TrainingJobDescription]",
) -> str:
    """Start the attempt that is due after these; the name of the last, or why there is none (yet)."""
    tuning_job, last, now = tuning["HyperParameterTuningJobName"], attempts[-1], time()
    shortage = capacity.shortage([_lacking(job) for job in attempts] if lacked_capacity(last) else [])
    if shortage is None:
        return last["TrainingJobName"]
    if (lasted := shortage.lasted(now)) >= settings.wait_for_capacity_hours * 3600:
        reason = f"{shortage.reason}; {capacity.given_up(lasted)}"
        key = tuning_failure(tuning_job)
        failure.record(aws, settings, key, last["TrainingJobName"], last["TrainingJobStatus"], reason)
        return reason
    if now < shortage.due:
        return f"waiting for capacity: {shortage.reason}"
    trial = Trial(last["Environment"][BEST_TRIAL], last["HyperParameters"])  # whatever metrics say by now
    return _create(aws, request(settings, tuning, trial, len(attempts) + 1))


def _lacking(job: "TrainingJobDescription") -> Lacking:
    created = job["CreationTime"]
    ended = job.get("TrainingEndTime", created)
    return Lacking(job["FailureReason"], created.timestamp(), ended.timestamp())


def _create(aws: Clients, wanted: dict[str, Any]) -> str:  # as `request` made it
    _drop_empty_channels(aws.s3, wanted)
    aws.sagemaker.create_training_job(**wanted)
    name: str = wanted["TrainingJobName"]
    return name


def request(
    settings: Settings, tuning: "TuningJobDescription", trial: Trial, attempt: int = 1
) -> dict[str, Any]:  # keyword arguments
    """The CreateTrainingJob request that follows from DescribeHyperParameterTuningJob's answer and a trial.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html. Trains on what the
    trials held out, too; the channel `test` is measured once, by the finished model.
    """
    definition = tuning["TrainingJobDefinition"]
    name = job_name(tuning["HyperParameterTuningJobName"], attempt)
    given = {**definition.get("StaticHyperParameters", {}), **trial.tuned}
    spot = {
        "EnableManagedSpotTraining": True,
        "CheckpointConfig": {"S3Uri": f"s3://{settings.bucket}/{CHECKPOINTS}{name}/"},
    }
    waiting = {"MaxWaitTimeInSeconds": MAX_WAIT_FACTOR * MAX_SECONDS}
    members = cast("dict[str, Any]", definition)  # its keys are variables
    kept = {"RetryStrategy": RETRY_STRATEGY} | {
        member: members[member] for member in _KEPT if members.get(member)
    }
    algorithm = kept["AlgorithmSpecification"]
    network = vpc(settings.subnet_ids, settings.security_group_ids)
    disks_key = volume_key(settings.kms_key_arn, settings.training_instance_type)
    return {
        **kept,
        **({"VpcConfig": network} if network else {}),
        "TrainingJobName": name,
        "RoleArn": settings.sagemaker_role_arn,
        "AlgorithmSpecification": algorithm
        | {"TrainingImage": image(settings.training_instance_type, definition)},
        "HyperParameters": {key: value for key, value in given.items() if not key.startswith("_")}
        | {"validation-images": "0"},
        "InputDataConfig": _channels(definition, trial.name),
        "OutputDataConfig": {
            "S3OutputPath": f"s3://{settings.bucket}/{MODELS}",
            **({"KmsKeyId": settings.kms_key_arn} if settings.kms_key_arn else {}),
        },
        "ResourceConfig": {
            "InstanceType": settings.training_instance_type,
            "InstanceCount": 1,
            "VolumeSizeInGB": 30,
            **({"VolumeKmsKeyId": disks_key} if disks_key else {}),
        },
        "Tags": cost_tags(settings.name),
        "StoppingCondition": {
            "MaxRuntimeInSeconds": MAX_SECONDS,
            **(waiting if settings.spot_training else {}),
        },
        "Environment": definition.get("Environment", {})
        | {TUNING_JOB: tuning["HyperParameterTuningJobName"], BEST_TRIAL: trial.name},
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


def _channels(definition: "TrainingJobDefinition", trial: str) -> "list[Channel]":
    """The trials' channels, `test`, which lies next to `training` (layout.py), and the `trial`'s artifact."""
    channels = {channel["ChannelName"]: channel for channel in definition["InputDataConfig"]}
    training = channels["training"]
    source = training["DataSource"]["S3DataSource"]
    added = {
        "test": sibling_uri(source["S3Uri"], "test/"),
        "trial": output_uri(definition["OutputDataConfig"]["S3OutputPath"], trial),
    }
    for name, uri in added.items():
        if name not in channels and uri:
            channels[name] = {
                **training,
                "ChannelName": name,
                "DataSource": {"S3DataSource": {**source, "S3Uri": uri}},
            }
    return list(channels.values())


def _drop_empty_channels(s3: "S3Client", wanted: dict[str, Any]) -> None:  # as `request` made it
    """SageMaker fails a job whose channel is empty.

    Without a test set the model waits for a person, without the trial's artifact it isn't calibrated.
    """
    wanted["InputDataConfig"] = [
        channel
        for channel in wanted["InputDataConfig"]
        if channel["ChannelName"] not in OPTIONAL_CHANNELS
        or _has_objects(s3, channel["DataSource"]["S3DataSource"]["S3Uri"])
    ]


def _has_objects(s3: "S3Client", uri: str) -> bool:
    """Whether there is an object below an `s3://` prefix; a page may be empty though the listing goes on."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return any(page.get("Contents") for page in pages)


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
