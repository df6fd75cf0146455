"""The SageMaker model and the transform job of a run; both have names that follow from their content."""

import hashlib
import json
from typing import Any

from botocore.exceptions import ClientError

from batch_prediction.batch_input import part_sizes
from batch_prediction.decision import Start
from batch_prediction.layout import INCOMING, Run
from batch_prediction.registry import CONTENT_TYPE, SERVING_ENVIRONMENT
from batch_prediction.settings import Settings

# An instance takes minutes to start: fewer images than it reads in that time aren't worth another one.
IMAGES_PER_INSTANCE = 100_000
_REQUESTS_AT_ONCE = 8  # to one instance; times _PAYLOAD_MB at most 100
_PAYLOAD_MB = 1  # a part of references is about 0.1 MB, and travels as one request
_ANSWER_SECONDS = 600
_RETRIES = 3


def environment(settings: Settings) -> dict[str, str]:
    """The model's environment: where its code is, and which images it may read."""
    return SERVING_ENVIRONMENT | {"IMAGE_PREFIX": f"s3://{settings.bucket}/{INCOMING}"}


def model_name(settings: Settings, package: str) -> str:
    """The name of the model made from a package: another package, role or environment is another model."""
    content = json.dumps([package, settings.sagemaker_role_arn, environment(settings)], sort_keys=True)
    return f"{settings.name}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def job_name(settings: Settings, run: Run) -> str:
    """The name of a run's transform job, at most 42 characters: SageMaker refuses a second one."""
    return f"{settings.name}-{run.id}"


def instance_count(settings: Settings, lines: int) -> int:
    """How many instances a run gets: more than its parts would stand idle."""
    wanted = -(-lines // IMAGES_PER_INSTANCE)
    return max(1, min(settings.max_transform_instances, wanted, sum(1 for _ in part_sizes(lines))))


def start(sagemaker: Any, settings: Settings, run: Run, decision: Start) -> None:
    """Make the model and start the job, unless they are there already. Safe to repeat."""
    _make_model(sagemaker, decision)
    request = _job_request(settings.bucket, run, decision)
    try:
        sagemaker.create_transform_job(**request)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceInUse":
            raise
        found = sagemaker.describe_transform_job(TransformJobName=decision.transform_job)
        identity = {name: request[name] for name in ("ModelName", "TransformInput", "TransformOutput")}
        must_be_ours(f"transform job {decision.transform_job}", error, identity, found)


def _make_model(sagemaker: Any, decision: Start) -> None:
    request = {
        "ModelName": decision.model,
        "ExecutionRoleArn": decision.role,
        "PrimaryContainer": {
            "ModelPackageName": decision.model_package,
            "Environment": decision.environment,
        },
    }
    try:
        sagemaker.create_model(**request)
    except ClientError as error:
        # SageMaker answers ValidationException both for a name that is taken and for a request that is wrong.
        if error.response["Error"]["Code"] not in ("ValidationException", "ResourceInUse"):
            raise
        try:
            found = sagemaker.describe_model(ModelName=decision.model)
        except ClientError:
            raise error from None
        must_be_ours(f"model {decision.model}", error, request, found)


def _job_request(bucket: str, run: Run, decision: Start) -> dict[str, Any]:
    """The request of https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html.

    The container sees `$.image` only, labels never reach the model; JoinSource puts the answer beside them.
    """
    return {
        "TransformJobName": decision.transform_job,
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
            "S3OutputPath": f"s3://{bucket}/{run.output_prefix()}",
            "Accept": CONTENT_TYPE,
            "AssembleWith": "Line",
        },
        "DataProcessing": {"InputFilter": "$.image", "JoinSource": "Input"},
        "TransformResources": {
            "InstanceType": decision.instance_type,
            "InstanceCount": decision.instance_count,
        },
    }


def must_be_ours(what: str, taken: ClientError, request: dict[str, Any], found: dict[str, Any]) -> None:
    """A name that is taken is a success when the same request took it, and a loud failure otherwise."""
    if foreign := _difference(request, found):
        raise RuntimeError(f"{what}: the name is taken by something else; {foreign}") from taken


def _difference(expected: Any, found: Any, path: str = "") -> str | None:
    """Where `found` lacks or contradicts what is expected; what it has beyond that doesn't matter."""
    if isinstance(expected, dict) and isinstance(found, dict):
        below = (_difference(value, found.get(name), f"{path}.{name}") for name, value in expected.items())
        return next((difference for difference in below if difference), None)
    return None if expected == found else f"{path[1:]}: expected {expected!r}, found {found!r}"
