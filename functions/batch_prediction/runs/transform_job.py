"""The SageMaker model and the transform job of a run; both have names that follow from their content."""

import hashlib
import json
from typing import Any

from botocore.exceptions import ClientError

from batch_prediction.layout import INCOMING, Run
from batch_prediction.models.registry import CONTENT_TYPE, SERVING_ENVIRONMENT
from batch_prediction.runs import next_action
from batch_prediction.runs.decision import Start
from batch_prediction.settings import Settings
from batch_prediction.start import waiting
from batch_prediction.start.transform_input import part_sizes

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


def try_name(decision: Start, number: int) -> str:
    """The name of a try's transform job, counted from 1."""
    return decision.transform_job if number == 1 else f"{decision.transform_job}-{number}"


def number_of_try(job: str) -> int:
    """The number of the try that a transform job of ours is."""
    _, _, rest = job.rpartition("-")
    return int(rest) if len(rest) == 1 else 1  # a run's id ends in eight digits of a digest


def tries(sagemaker: Any, bucket: str, run: Run, decision: Start) -> list[dict[str, Any]]:
    """The transform jobs of a run, as SageMaker describes them: each but the last was followed by another.

    A job of our name that writes elsewhere is somebody else's: RuntimeError.
    """
    found: list[dict[str, Any]] = []
    while next_step(found) is next_action.Step.START and len(found) < next_action.TRIES:
        job = _describe(sagemaker, try_name(decision, len(found) + 1))
        if job is None:
            break
        _job_must_be_ours(bucket, run, decision, len(found) + 1, job)
        found.append(job)
    return found


def next_step(tries: list[dict[str, Any]]) -> next_action.Step:
    """What a run needs next after these transform jobs."""
    newest = tries[-1] if tries else {}
    return next_action.next_step(len(tries), newest.get("TransformJobStatus"), newest.get("FailureReason"))


class RefusedError(Exception):
    """SageMaker refuses for good what a run needs; the message says what, and what to mend."""


def start(sagemaker: Any, bucket: str, run: Run, decision: Start, number: int = 1) -> None:
    """Make the model and start a try's job, unless they are there already. Safe to repeat.

    A request that is refused may be the second one of a first that took effect, so SageMaker is asked. What
    it refuses then is passed on: ResourceLimitExceeded, throttling. RefusedError for a package whose artifact
    or image can't be used, and for what can't be a transform job at all.
    """
    _make_model(sagemaker, decision)
    try:
        sagemaker.create_transform_job(**_job_request(bucket, run, decision, number))
    except ClientError as error:
        code, text = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if code not in ("ResourceInUse", "ValidationException") and not waiting.busy(error):
            raise
        found = _describe(sagemaker, try_name(decision, number))
        if found is None:
            if code != "ValidationException" or "could not find" in text.lower():  # it will be there soon
                raise
            raise RefusedError(
                f"no transform job: {error}: mend what SageMaker names (the stack's parameter "
                "TransformInstanceType, if it is the instance type)"
            ) from error
        _job_must_be_ours(bucket, run, decision, number, found)


def _describe(sagemaker: Any, name: str) -> dict[str, Any] | None:
    """A transform job as SageMaker describes it; None for one that doesn't exist.

    Which it says in the text of a ValidationException: "Could not find requested job with name".
    """
    try:
        found: dict[str, Any] = sagemaker.describe_transform_job(TransformJobName=name)
    except ClientError as error:
        code, text = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if code == "ResourceNotFound" or (code == "ValidationException" and "could not find" in text.lower()):
            return None
        raise
    return found


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
        code, text = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if code not in ("ValidationException", "ResourceInUse"):
            raise
        found = _describe_model(sagemaker, decision.model)
        if found is None:
            if code == "ResourceInUse" or "already exist" in text.lower():
                raise  # the description lags behind
            raise RefusedError(
                f"no model of {decision.model_package}: {error}: register a package whose artifact is there"
            ) from error
        must_be_ours(f"model {decision.model}", error, request, found)


def _describe_model(sagemaker: Any, name: str) -> dict[str, Any] | None:
    """A model as SageMaker describes it; None for one that doesn't exist ("Could not find model")."""
    try:
        found: dict[str, Any] = sagemaker.describe_model(ModelName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        return None
    return found


def _job_request(bucket: str, run: Run, decision: Start, number: int = 1) -> dict[str, Any]:
    """The request of https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html.

    The container sees `$.image` only, labels never reach the model; JoinSource puts the answer beside them.
    """
    return {
        "TransformJobName": try_name(decision, number),
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
            "InstanceType": decision.instance_type,
            "InstanceCount": decision.instance_count,
        },
    }


def _job_must_be_ours(bucket: str, run: Run, decision: Start, number: int, found: dict[str, Any]) -> None:
    request = _job_request(bucket, run, decision, number)
    identity = {name: request[name] for name in ("ModelName", "TransformInput", "TransformOutput")}
    must_be_ours(f"transform job {try_name(decision, number)}", None, identity, found)


def must_be_ours(
    what: str, taken: ClientError | None, request: dict[str, Any], found: dict[str, Any]
) -> None:
    """A name that is taken is a success when the same request took it, and a loud failure otherwise."""
    if foreign := _difference(request, found):
        raise RuntimeError(f"{what}: the name is taken by something else; {foreign}") from taken


def _difference(expected: Any, found: Any, path: str = "") -> str | None:
    """Where `found` lacks or contradicts what is expected; what it has beyond that doesn't matter."""
    if isinstance(expected, dict) and isinstance(found, dict):
        below = (_difference(value, found.get(name), f"{path}.{name}") for name, value in expected.items())
        return next((difference for difference in below if difference), None)
    return None if expected == found else f"{path[1:]}: expected {expected!r}, found {found!r}"
