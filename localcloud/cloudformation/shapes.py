"""The properties that the local cloud reads by itself, checked before a resource is made or changed.

All other properties are moto's to read, or are validated by botocore on their way to a service.
"""

from collections.abc import Mapping
from typing import Any

from localcloud.cloudformation.errors import PropertyRefusedError

TEXT, NUMBER = "a text", "a number"
# A mapping has these members (a name with `!` is required), a list items of this one shape.
SHAPES: dict[str, dict[str, Any]] = {
    "AWS::Events::Rule": {"EventPattern": {}, "Targets": [{"Id!": TEXT, "Arn!": TEXT}]},
    "AWS::IAM::Role": {
        "AssumeRolePolicyDocument!": {},
        "ManagedPolicyArns": [TEXT],
        "Policies": [{"PolicyName!": TEXT, "PolicyDocument!": {}}],
    },
    "AWS::Lambda::EventInvokeConfig": {"FunctionName!": TEXT},
    "AWS::Lambda::Function": {
        "Architectures": [TEXT],
        "Environment": {"Variables": {}},
        "EphemeralStorage": {"Size": NUMBER},
        "LoggingConfig": {},
        "MemorySize": NUMBER,
        "Tags": [{"Key!": TEXT, "Value!": TEXT}],
        "Timeout": NUMBER,
        "TracingConfig": {},
    },
    "AWS::Logs::LogGroup": {"RetentionInDays": NUMBER},
    "AWS::S3::Bucket": {
        "LifecycleConfiguration": {"Rules!": [{}]},
        "NotificationConfiguration": {"EventBridgeConfiguration": {}},
        "OwnershipControls": {},
        "PublicAccessBlockConfiguration": {},
        "VersioningConfiguration": {},
    },
    "AWS::S3::BucketPolicy": {"Bucket!": TEXT, "PolicyDocument!": {}},
    "AWS::SNS::Subscription": {"Endpoint!": TEXT, "Protocol!": TEXT, "TopicArn!": TEXT},
    "AWS::SQS::QueuePolicy": {"PolicyDocument!": {}, "Queues!": [TEXT]},
}


def refuse_malformed(kind: str, properties: Mapping[str, Any]) -> None:
    """Raise PropertyRefusedError for the first property of a resource that doesn't have its shape."""
    _check("Properties", properties, SHAPES.get(kind, {}))


def _check(place: str, value: Any, shape: Any) -> None:
    if isinstance(shape, dict):
        _expect(place, value, "a mapping", isinstance(value, Mapping))
        for key, inner in shape.items():
            name = key.removesuffix("!")
            if value.get(name) is not None:
                _check(f"{place}.{name}", value[name], inner)
            elif key.endswith("!"):
                raise PropertyRefusedError(f"{place}.{name} is missing: expected {_name(inner)}.")
    elif isinstance(shape, list):
        _expect(place, value, "a list", isinstance(value, list))
        for number, item in enumerate(value):
            _check(f"{place}[{number}]", item, shape[0])
    elif shape == NUMBER:
        _expect(place, value, NUMBER, str(value).isdecimal())
    else:
        _expect(place, value, TEXT, not isinstance(value, Mapping | list))


def _name(shape: Any) -> str:
    return "a mapping" if isinstance(shape, dict) else "a list" if isinstance(shape, list) else str(shape)


def _expect(place: str, value: Any, expected: str, holds: bool) -> None:
    if not holds:
        raise PropertyRefusedError(f"{place}: expected {expected}, found {value!r}.")
