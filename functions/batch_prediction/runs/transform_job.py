"""The SageMaker model and the transform jobs of a run; both have names that follow from their content."""

import hashlib
import json
from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from batch_prediction.aws.errors import code, is_busy
from batch_prediction.aws.job_options import cost_tags, volume_key, vpc
from batch_prediction.aws.sagemaker import describe_or_none, verify_same_request
from batch_prediction.layout import INCOMING, Run
from batch_prediction.models.registry import CONTENT_TYPE, SERVING_ENVIRONMENT
from batch_prediction.runs.decision import Start
from batch_prediction.runs.next_action import Attempt, needs_another_attempt
from batch_prediction.runs.parts import part_sizes
from batch_prediction.settings import Settings

if TYPE_CHECKING:
    from batch_prediction.aws.types import (
        ModelRequest,
        SageMakerClient,
        TransformInstanceType,
        TransformJobDescription,
        TransformJobRequest,
    )

# An instance takes minutes to start: fewer images than it reads in that time aren't worth another one.
IMAGES_PER_INSTANCE = 100_000
_REQUESTS_AT_ONCE = 8  # to one instance; times _PAYLOAD_MB at most 100
_PAYLOAD_MB = 1  # a part of references is about 0.1 MB, and travels as one request
_ANSWER_SECONDS = 600
_RETRIES = 3


def environment(settings: Settings) -> dict[str, str]:
    """The model's environment: where its code is, which images it may read, and in which region they are.

    boto3 reads AWS_DEFAULT_REGION; AWS doesn't document that a transform job's container is told
    (https://boto3.amazonaws.com/v1/documentation/api/latest/guide/configuration.html).
    """
    own = {"IMAGE_PREFIX": f"s3://{settings.bucket}/{INCOMING}", "AWS_DEFAULT_REGION": settings.region}
    return SERVING_ENVIRONMENT | own


def model_name(settings: Settings, package: str) -> str:
    """The name of the model made from a package: another package, role, environment or VPC is another one."""
    made_of = [package, settings.sagemaker_role_arn, environment(settings)]
    network = vpc(settings.subnet_ids, settings.security_group_ids)
    content = json.dumps([*made_of, network] if network else made_of, sort_keys=True)
    return f"{settings.name}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def job_name(settings: Settings, run: Run) -> str:
    """The name of a run's transform job, at most 42 characters: SageMaker refuses a second one."""
    return f"{settings.name}-{run.id}"


def instance_count(settings: Settings, lines: int) -> int:
    """How many instances a run gets: any beyond its parts would be idle."""
    wanted = -(-lines // IMAGES_PER_INSTANCE)
    return max(1, min(settings.max_transform_instances, wanted, sum(1 for _ in part_sizes(lines))))


def attempt_name(decision: Start, number: int) -> str:
    """The name of an attempt's transform job, counted from 1: the first one's, then -2, -3."""
    return decision.transform_job if number == 1 else f"{decision.transform_job}-{number}"


def attempt_number(run: Run, job: str) -> int:
    """Which attempt of a run a transform job of ours is, by its name; ValueError for another run's job."""
    _, found, suffix = job.rpartition(run.id)
    if found and not suffix:
        return 1
    if found and suffix[0] == "-" and suffix[1:].isdecimal():
        return int(suffix[1:])
    raise ValueError(f"transform job {job}: expected a name that ends in {run.id}, or in {run.id}-2 or -3")


def attempt(job: "TransformJobDescription") -> Attempt:
    """What matters of a transform job as SageMaker describes it."""
    created = job["CreationTime"]
    ended = job.get("TransformEndTime", created)
    return Attempt(
        job["TransformJobStatus"], job.get("FailureReason"), created.timestamp(), ended.timestamp()
    )


def describe_attempts(
    sagemaker: "SageMakerClient", bucket: str, run: Run, decision: Start
) -> "list[TransformJobDescription]":
    """The transform jobs of a run, as SageMaker describes them: each but the last was followed by another.

    RuntimeError for a job with our name that writes elsewhere: it isn't ours.
    """
    found: list[TransformJobDescription] = []
    while needs_another_attempt([attempt(job) for job in found]):
        job = _describe(sagemaker, attempt_name(decision, len(found) + 1))
        if job is None:
            break
        _verify_job(bucket, run, decision, len(found) + 1, job)
        found.append(job)
    return found


def start(
    sagemaker: "SageMakerClient", bucket: str, run: Run, decision: Start, number: int = 1
) -> str | None:
    """Make the model and start an attempt's job, unless they exist already. Safe to repeat.

    Returns None, or the reason why SageMaker refuses the request for good: a package whose artifact or image
    can't be used, or what can't be a transform job at all. What it may take later is passed on as its own
    error: ResourceLimitExceeded, throttling. A request that is refused may be the repetition of one that took
    effect, so SageMaker is asked first whether the job exists.
    """
    if refused := _make_model(sagemaker, decision):
        return refused
    try:
        sagemaker.create_transform_job(**job_request(bucket, run, decision, number))
    except ClientError as error:
        if code(error) not in ("ResourceInUse", "ValidationException") and not is_busy(error):
            raise
        found = _describe(sagemaker, attempt_name(decision, number))
        if found is None:
            if code(error) != "ValidationException" or _waits_for_model(error):
                raise
            return (
                f"no transform job: {error}: correct what SageMaker names (the stack's parameter "
                "TransformInstanceType, if it is the instance type)"
            )
        _verify_job(bucket, run, decision, number, found)
    return None


def _waits_for_model(error: ClientError) -> bool:
    """Whether CreateTransformJob doesn't see the model yet that was just made ("Could not find model").

    Any other ValidationException stays: that a role or an image doesn't exist is a refusal, not a delay.
    """
    return "could not find" in error.response["Error"]["Message"].lower()


def _describe(sagemaker: "SageMakerClient", name: str) -> "TransformJobDescription | None":
    return describe_or_none(lambda: sagemaker.describe_transform_job(TransformJobName=name))


def _make_model(sagemaker: "SageMakerClient", decision: Start) -> str | None:
    """Make the model unless it exists; the reason why SageMaker refuses it for good, or None."""
    request: ModelRequest = {
        "ModelName": decision.model,
        "ExecutionRoleArn": decision.role,
        "PrimaryContainer": {
            "ModelPackageName": decision.model_package,
            "Environment": decision.environment,
        },
    }
    if network := vpc(decision.subnet_ids, decision.security_group_ids):
        request["VpcConfig"] = network
    tagged = request.copy()  # tags are no part of a description
    if decision.stack:
        tagged["Tags"] = cost_tags(decision.stack)
    try:
        sagemaker.create_model(**tagged)
    except ClientError as error:
        # SageMaker answers ValidationException both for a name that is taken and for a request that is wrong.
        if code(error) not in ("ValidationException", "ResourceInUse"):
            raise
        found = describe_or_none(lambda: sagemaker.describe_model(ModelName=decision.model))
        if found is None:
            if code(error) == "ResourceInUse" or "already exist" in str(error).lower():
                raise  # the description lags behind
            return f"no model of {decision.model_package}: {error}: register a package whose artifact exists"
        # The model's name stands for package, role, network and environment. What SageMaker shows of the last
        # isn't documented: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeModel.html.
        # A model adds its own to its package's, so it may be both.
        stands_for = {
            "ExecutionRoleArn": decision.role,
            "PrimaryContainer": {"ModelPackageName": decision.model_package},
            **({"VpcConfig": network} if network else {}),
        }
        verify_same_request(f"model {decision.model}", error, stands_for, found)
    return None


def job_request(bucket: str, run: Run, decision: Start, number: int = 1) -> "TransformJobRequest":
    """The request of https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html.

    The container sees `$.image` only, labels never reach the model; JoinSource joins the answer to them.
    """
    request: TransformJobRequest = {
        "TransformJobName": attempt_name(decision, number),
        "ModelName": decision.model,
        "MaxConcurrentTransforms": _REQUESTS_AT_ONCE,
        "MaxPayloadInMB": _PAYLOAD_MB,
        "BatchStrategy": "MultiRecord",
        "ModelClientConfig": {
            "InvocationsTimeoutInSeconds": _ANSWER_SECONDS,
            "InvocationsMaxRetries": _RETRIES,
        },
        "TransformInput": {
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "S3Prefix",
                    "S3Uri": f"s3://{bucket}/{run.input_prefix}",
                }
            },
            "ContentType": CONTENT_TYPE,
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": f"s3://{bucket}/{run.output_prefix(number)}",
            "Accept": CONTENT_TYPE,
            "AssembleWith": "Line",
        },
        "DataProcessing": {"InputFilter": "$.image", "JoinSource": "Input"},
        "TransformResources": {
            "InstanceType": cast("TransformInstanceType", decision.instance_type),  # SageMaker checks it
            "InstanceCount": decision.instance_count,
        },
    }
    if decision.kms_key_arn:
        request["TransformOutput"]["KmsKeyId"] = decision.kms_key_arn
    if key := volume_key(decision.kms_key_arn, decision.instance_type):
        request["TransformResources"]["VolumeKmsKeyId"] = key
    if decision.stack:
        request["Tags"] = cost_tags(decision.stack)
    return request


def _verify_job(
    bucket: str, run: Run, decision: Start, number: int, found: "TransformJobDescription"
) -> None:
    request = job_request(bucket, run, decision, number)
    identity = {name: request[name] for name in ("ModelName", "TransformInput", "TransformOutput")}
    verify_same_request(f"transform job {attempt_name(decision, number)}", None, identity, found)
