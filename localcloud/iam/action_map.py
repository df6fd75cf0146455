"""What a request to a service asks of IAM: its actions, their resources and the values of condition keys.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
A role's request for anything that isn't listed is refused: the local cloud wouldn't know what AWS asks.
"""

from collections.abc import Callable, Iterator
from typing import Any

from moto.s3.exceptions import S3ClientError

from localcloud.core.cloud import Cloud
from localcloud.iam import encryption, job_permissions
from localcloud.iam.errors import UnknownRequestError
from localcloud.iam.policy_evaluation import Request

Parameter = Callable[[str], Any]
ANYWHERE = "*"  # granted on no narrower resource

# service:operation → the kind of resource in its ARN, and the parameter that names it
NAMED: dict[str, tuple[str, str]] = {
    **{
        f"sagemaker:{verb}{kind}Job": (resource, f"{kind}JobName")
        for kind, resource in (
            ("Transform", "transform-job/"),
            ("Training", "training-job/"),
            ("HyperParameterTuning", "hyper-parameter-tuning-job/"),
        )
        for verb in ("Create", "Describe", "Stop")
    },
    "sagemaker:ListTrainingJobsForHyperParameterTuningJob": (
        "hyper-parameter-tuning-job/",
        "HyperParameterTuningJobName",
    ),
    **{f"sagemaker:{verb}Model": ("model/", "ModelName") for verb in ("Create", "Describe", "Delete")},
    "sagemaker:DescribeModelPackage": ("model-package/", "ModelPackageName"),
    "sagemaker:UpdateModelPackage": ("model-package/", "ModelPackageArn"),
    "sagemaker:DescribeModelPackageGroup": ("model-package-group/", "ModelPackageGroupName"),
    "sagemaker:ListTags": ("", "ResourceArn"),
    **{
        f"sqs:{operation}": ("", "QueueUrl")
        for operation in (
            "SendMessage",
            "ReceiveMessage",
            "DeleteMessage",
            "ChangeMessageVisibility",
            "GetQueueAttributes",
        )
    },
    "sns:Publish": ("", "TopicArn"),
    "lambda:Invoke": ("function:", "FunctionName"),
}
UNNAMED = {
    f"sagemaker:List{what}"
    for what in ("ModelPackages", "TransformJobs", "TrainingJobs", "HyperParameterTuningJobs", "Models")
}
ACTIONS = {"lambda:Invoke": "lambda:InvokeFunction"}  # where an operation and its action differ
# https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html: whose role is passed on, to SageMaker
PASSED_ROLES = {
    "sagemaker:CreateModel": "ExecutionRoleArn",
    "sagemaker:CreateTrainingJob": "RoleArn",
    "sagemaker:CreateHyperParameterTuningJob": "TrainingJobDefinition.RoleArn",
}
PASSED_TO = (("iam:passedtoservice", "sagemaker.amazonaws.com"),)
OBJECT_ACTIONS = {
    "GetObject",
    "GetObjectVersion",
    "PutObject",
    "DeleteObject",
    "DeleteObjectVersion",
    "AbortMultipartUpload",
    "ListMultipartUploadParts",
}


def of_service(cloud: Cloud, service: str, operation: str, parameter: Parameter) -> list[Request]:
    """What a request to any service but S3 asks of IAM."""
    operation = operation.removesuffix("Batch") if service == "sqs" else operation
    name = f"{service}:{operation}"
    asked = list(_of_operation(cloud, service, name, parameter))
    passed: Any = None
    if name in PASSED_ROLES:
        outer, _, inner = PASSED_ROLES[name].partition(".")
        passed = parameter(outer) if not inner else (parameter(outer) or {}).get(inner)
    if passed:
        asked.append(Request("iam:PassRole", passed, PASSED_TO))
    if parameter("Tags") and service == "sagemaker":
        action = (("sagemaker:taggingaction", operation),)
        asked.append(Request("sagemaker:AddTags", asked[0].resource, action))
    if asked and service in ("sqs", "sns"):
        asked += encryption.of_sending(cloud, name, str(parameter(NAMED[name][1])))
    return asked


def _of_operation(cloud: Cloud, service: str, name: str, parameter: Parameter) -> Iterator[Request]:
    action = ACTIONS.get(name, name)
    if name == "sagemaker:CreateModelPackage":
        # AWS's example grants it on the packages of a group, its reference names the group, too:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-version.html
        group = str(parameter("ModelPackageGroupName")).rpartition("/")[2]
        yield Request(action, _arn(cloud, service, f"model-package/{group}/", "1"))
        yield Request(action, _arn(cloud, service, "model-package-group/", group))
        yield from _of_images(parameter("InferenceSpecification") or {})
    elif name == "events:PutEvents":
        buses = {entry.get("EventBusName", "default") for entry in parameter("Entries")}
        for bus in sorted(buses):
            yield Request(action, _arn(cloud, service, "event-bus/", bus))
    elif name == "cloudwatch:PutMetricData":
        yield Request(action, ANYWHERE, (("cloudwatch:namespace", parameter("Namespace")),))
    elif name in UNNAMED:
        yield Request(action, ANYWHERE)
    elif name in NAMED and parameter(NAMED[name][1]):
        kind, key = NAMED[name]
        yield Request(action, _arn(cloud, service, kind, str(parameter(key))))
    elif name != "sts:GetCallerIdentity":  # which nobody can be denied
        raise UnknownRequestError(
            f"The local cloud doesn't know what permissions {name} needs of a role; "
            "localcloud/iam/action_map.py lists those that it knows."
        )


def _of_images(specification: Any) -> Iterator[Request]:
    """What registering a package asks about its containers' images, where Amazon ECR has them.

    The reference names no such action; AWS grants both to whoever makes packages, in its managed policy:
    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSageMakerModelRegistryFullAccess.html
    """
    for container in specification.get("Containers", []):
        if repository := job_permissions.repository(container.get("Image", "")):
            yield Request("ecr:BatchGetImage", repository)
            yield Request("ecr:DescribeImages", repository)


def _arn(cloud: Cloud, service: str, kind: str, name: str) -> str:
    """The ARN of what a parameter names by its ARN, its URL or its name."""
    if name.startswith("arn:"):
        return name
    return f"arn:aws:{service}:{cloud.region}:{cloud.account_id}:{kind}{name.rpartition('/')[2]}"


def of_s3(
    backend: Any, action: str, bucket: str | None, key: str | None, query: Any, headers: Any
) -> list[Request]:
    """What a request to S3 asks of IAM; `action` is moto's name of it.

    A missing object is a 404 only for those who may list the bucket, and a 403 for all others:
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    place = f"arn:aws:s3:::{bucket}"
    if key is None and action in ("ListBucket", "HeadBucket") and set(query) <= LISTING:
        prefix = (query.get("prefix") or [""])[0]
        return [Request("s3:ListBucket", place, (("s3:prefix", prefix),))]
    if key is None or action not in OBJECT_ACTIONS:
        raise UnknownRequestError(
            f"The local cloud doesn't know what permissions s3:{action} needs of a role."
        )
    reading = action in ("GetObject", "GetObjectVersion")
    if reading and "versionId" in query:  # HeadObject, too
        action = "GetObjectVersion"
    asked = [Request(f"s3:{action}", f"{place}/{key}")]
    if headers.get("x-amz-tagging"):
        asked.append(Request("s3:PutObjectTagging", f"{place}/{key}"))
    source = headers.get("x-amz-copy-source")
    if source:
        asked.append(Request("s3:GetObject", f"arn:aws:s3:::{source.lstrip('/').partition('?')[0]}"))
    if reading and not _is_there(backend, bucket, key):
        asked.append(Request("s3:ListBucket", place))
    elif bucket is not None:
        in_parts = not {"uploadId", "uploads"}.isdisjoint(query)
        asked += encryption.of_object(backend, bucket, action, in_parts=in_parts)
    return asked


LISTING = {
    "list-type",
    "prefix",
    "delimiter",
    "encoding-type",
    "max-keys",
    "continuation-token",
    "start-after",
    "marker",
    "fetch-owner",
}


def _is_there(backend: Any, bucket: str | None, key: str) -> bool:
    try:
        return backend.get_object(bucket, key) is not None
    except S3ClientError:
        return False
