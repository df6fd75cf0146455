"""The fields of AWS's events and their types, as AWS documents them.

S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html (newer editions: `event-version`).
Schedules: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html
SageMaker: https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""

from typing import Any

MAP = {"*": str}  # any names, text as values
MAPS = ("Tags", "HyperParameters", "StaticHyperParameters", "Environment")

ENVELOPE = {
    "version": str,
    "id": str,
    "detail-type": str,
    "source": str,
    "account": str,
    "time": str,
    "region": str,
    "resources": [str],
}
S3_SOURCE = {"S3DataType": str, "S3Uri": str}
INPUT_DATA = [
    {
        "ChannelName": str,
        "DataSource": {"S3DataSource": {**S3_SOURCE, "S3DataDistributionType": str}},
        "ContentType": str,
        "CompressionType": str,
        "RecordWrapperType": str,
    }
]
RESOURCES = {"InstanceType": str, "InstanceCount": int, "VolumeSizeInGB": int, "VolumeKmsKeyId": str}
DETAILS: dict[str, dict[str, Any]] = {
    "Scheduled Event": {},
    "Object Created": {
        "version": str,
        "event-version": str,
        "bucket": {"name": str},
        "object": {"key": str, "size": int, "etag": str, "version-id": str, "sequencer": str},
        "request-id": str,
        "requester": str,
        "source-ip-address": str,
        "reason": str,
    },
    "SageMaker Transform Job State Change": {
        "TransformJobName": str,
        "TransformJobArn": str,
        "TransformJobStatus": str,
        "FailureReason": str,
        "ModelName": str,
        "MaxConcurrentTransforms": int,
        "MaxPayloadInMB": int,
        "BatchStrategy": str,
        "Environment": MAP,
        "TransformInput": {
            "DataSource": {"S3DataSource": S3_SOURCE},
            "ContentType": str,
            "CompressionType": str,
            "SplitType": str,
        },
        "TransformOutput": {"S3OutputPath": str, "Accept": str, "AssembleWith": str, "KmsKeyId": str},
        "TransformResources": {"InstanceType": str, "InstanceCount": int},
        "CreationTime": str,
        "TransformStartTime": str,
        "TransformEndTime": str,
        "Tags": MAP,
    },
    "SageMaker Training Job State Change": {
        "TrainingJobName": str,
        "TrainingJobArn": str,
        "TrainingJobStatus": str,
        "SecondaryStatus": str,
        "FailureReason": str,
        "HyperParameters": MAP,
        "AlgorithmSpecification": {"TrainingImage": str, "TrainingInputMode": str},
        "RoleArn": str,
        "InputDataConfig": INPUT_DATA,
        "OutputDataConfig": {"KmsKeyId": str, "S3OutputPath": str},
        "ResourceConfig": RESOURCES,
        "VpcConfig": {},
        "StoppingCondition": {"MaxRuntimeInSeconds": int},
        "CreationTime": str,
        "TrainingStartTime": str,
        "TrainingEndTime": str,
        "LastModifiedTime": str,
        "SecondaryStatusTransitions": [],
        "Tags": MAP,
    },
    "SageMaker HyperParameter Tuning Job State Change": {
        "HyperParameterTuningJobName": str,
        "HyperParameterTuningJobArn": str,
        "TrainingJobDefinition": {
            "StaticHyperParameters": MAP,
            "AlgorithmSpecification": {
                "TrainingImage": str,
                "TrainingInputMode": str,
                "MetricDefinitions": [{"Name": str, "Regex": str}],
            },
            "RoleArn": str,
            "InputDataConfig": INPUT_DATA,
            "VpcConfig": {"SecurityGroupIds": [str], "Subnets": [str]},
            "OutputDataConfig": {"KmsKeyId": str, "S3OutputPath": str},
            "ResourceConfig": RESOURCES,
            "StoppingCondition": {"MaxRuntimeInSeconds": int},
        },
        "HyperParameterTuningJobStatus": str,
        "CreationTime": str,
        "LastModifiedTime": str,
        "TrainingJobStatusCounters": {
            "Completed": int,
            "InProgress": int,
            "RetryableError": int,
            "NonRetryableError": int,
            "Stopped": int,
        },
        "ObjectiveStatusCounters": {"Succeeded": int, "Pending": int, "Failed": int},
        "Tags": MAP,
    },
}


def contradictions(event: dict[str, Any]) -> list[str]:
    """Where an event has a field that isn't documented, or of another type, or lacks one of the envelope."""
    documented = {**ENVELOPE, "detail": DETAILS[event["detail-type"]]}
    lacking = [f"{name}: absent" for name in documented if name not in event]
    return [*lacking, *_contradictions(documented, event, "")]


def fields(value: Any, path: str = "") -> set[str]:
    """The paths of an event's fields; those of a map are its own affair, and left out."""
    if isinstance(value, list):
        return {path}.union(*(fields(item, f"{path}[]") for item in value))
    if not isinstance(value, dict) or path.rpartition(".")[2] in MAPS:
        return {path}
    return {path}.union(*(fields(part, f"{path}.{name}") for name, part in value.items()))


def _contradictions(documented: Any, found: Any, path: str) -> list[str]:
    if isinstance(documented, dict) and isinstance(found, dict):
        wrong = [f"{path}.{name}: not documented" for name in found if not {name, "*"} & set(documented)]
        known = [name for name in found if {name, "*"} & set(documented)]
        below = (
            _contradictions(documented.get(n, documented.get("*")), found[n], f"{path}.{n}") for n in known
        )
        return sum(below, wrong)
    if isinstance(documented, list) and isinstance(found, list):
        return [line for item in found for line in _contradictions(documented[0], item, f"{path}[]")]
    return [] if type(found) is documented else [f"{path}: expected {documented}, found {found!r}"]
