"""The bugs that can be planted in template.yaml: by kind of value, at every place of the document.

A bug is a slip that CloudFormation would take, where a word that it knows is at hand. What no test could see
isn't planted: texts for people, and names that nothing reads.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Place = tuple[str | int, ...]
REMOVED = "nothing"  # instead of a value
TEXTS = {"Description", "AlarmDescription", "ConstraintDescription", "AWSTemplateFormatVersion"}
LABELS = {"Sid", "Id", "PolicyName"}  # that they are there and differ is checked, not what they are
FUNCTIONS = {"Ref", "Fn::GetAtt", "Fn::Sub", "Fn::Not", "Fn::Equals", "Fn::If"}

WORDS: dict[str, tuple[str, ...]] = {  # what could stand for a word, by mistake
    "GreaterThanThreshold": (
        "GreaterThanOrEqualToThreshold",
        "LessThanThreshold",
        "LessThanOrEqualToThreshold",
    ),
    "Maximum": ("Minimum", "Average", "Sum", "SampleCount"),
    "notBreaching": ("breaching", "ignore", "missing"),
    "Enabled": ("Disabled", "Suspended"),
    "AES256": ("aws:kms",),
    "BucketOwnerEnforced": ("ObjectWriter", "BucketOwnerPreferred"),
    "Allow": ("Deny",),
    "Deny": ("Allow",),
    "RetainExceptOnCreate": ("Retain", "Delete"),
    "Retain": ("Delete", "Snapshot"),
    "JSON": ("Text",),
    "SQS": ("SNS",),
    "email": ("email-json", "sms"),
    "String": ("Number",),
    "Number": ("String",),
    "true": ("false",),
    "false": ("true",),
    "2012-10-17": ("2008-10-17",),
    "*": ("arn:aws:iam::210987654321:root",),
    "events.amazonaws.com": ("*", "sns.amazonaws.com"),
    "sagemaker.amazonaws.com": ("*", "lambda.amazonaws.com"),
    "rate(15 minutes)": ("rate(14 minutes)", "rate(16 minutes)", "rate(15 hours)", "rate(1 minute)"),
    "Completed": ("InProgress",),
    "Failed": ("Stopping",),
}
KEYS: dict[str, tuple[str, ...]] = {  # operators: of IAM's conditions and of EventBridge's patterns
    "StringEquals": ("StringNotEquals", "StringEqualsIfExists"),  # StringLike is the same without a `*`
    "ArnEquals": ("ArnNotEquals", "ArnEqualsIfExists"),  # ArnLike is the same
    "Bool": ("Null",),  # the key is never absent: BoolIfExists is the same
    "prefix": ("suffix", "wildcard", "anything-but"),
    "wildcard": ("prefix", "suffix", "anything-but"),
    "aws:SourceArn": ("aws:PrincipalArn",),
    "aws:SourceAccount": ("aws:PrincipalAccount",),
    "aws:SecureTransport": ("aws:ViaAWSService",),
    "iam:PassedToService": ("iam:AssociatedResourceArn",),
    "cloudwatch:namespace": ("aws:RequestedRegion",),
}
ANYTHING = {"Sid": "Anything", "Effect": "Allow", "Action": "*", "Resource": "*"}
ADDED: dict[str, dict[str, Any]] = {  # properties by which something could be weakened, by type of resource
    "AWS::S3::Bucket": {"AccessControl": "PublicRead", "BucketName": "digits-data"},
    "AWS::SQS::Queue": {
        "DelaySeconds": 900,
        "MaximumMessageSize": 1024,
        "ReceiveMessageWaitTimeSeconds": 20,
        "KmsMasterKeyId": "alias/aws/sqs",
    },
    "AWS::CloudWatch::Alarm": {"ActionsEnabled": False, "DatapointsToAlarm": 2, "Unit": "Bytes"},
    "AWS::Events::Rule": {"State": "DISABLED", "EventBusName": "other"},
    "AWS::Serverless::Function": {
        "ReservedConcurrentExecutions": 1,
        "Role": "arn:aws:iam::123456789012:role/admin",
        "Environment": {"Variables": {"MAX_IMAGES": 1}},
        "EphemeralStorage": {"Size": 2048},
        "DeadLetterQueue": {"Type": "SNS", "TargetArn": {"Ref": "Notifications"}},
    },
    "AWS::Logs::LogGroup": {"LogGroupClass": "INFREQUENT_ACCESS"},
    "AWS::SNS::Subscription": {"FilterPolicy": {"kind": ["alarm"]}, "RawMessageDelivery": True},
    "AWS::SNS::Topic": {"TopicName": "digits"},
    "AWS::IAM::Role": {
        "ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"],
        "PermissionsBoundary": "arn:aws:iam::123456789012:policy/none",
        "RoleName": "digits",
    },
    "AWS::SageMaker::ModelPackageGroup": {"Tags": [{"Key": "a", "Value": "b"}]},
}
ADDED_INSIDE: dict[str, dict[str, Any]] = {  # and by the name of the list or the object that gets them
    "LifecycleConfiguration.Rules": {
        "ExpirationInDays": 365,
        "ExpiredObjectDeleteMarker": True,
        "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
        "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": 90}],
        "Prefix": "runs/",
    },
    "Targets": {
        "Input": "{}",
        "InputPath": "$.detail",
        "RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
    },
    "Statement": {"Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}},
    "EventInvokeConfig": {"MaximumEventAgeInSeconds": 60},
    "ManifestUploaded.Properties": {
        "Enabled": False,
        "FilterCriteria": {"Filters": [{"Pattern": "{}"}]},
        "MaximumBatchingWindowInSeconds": 300,
    },
    "RunEnded.Properties": {"Enabled": False, "FunctionResponseTypes": ["ReportBatchItemFailures"]},
    "RedrivePolicy": {"redrivePermission": "denyAll"},
}


@dataclass(frozen=True)
class Bug:
    """A place in the template, and what stands there instead; REMOVED where nothing does."""

    place: Place
    was: Any
    value: Any
    kind: str  # the resource's type, or the template's section

    def __str__(self) -> str:
        place = self.place[1:] if self.place[0] == "Resources" else self.place
        words = [
            f"[{part}]" if isinstance(part, int) else f".{part}" for part in place if part != "Properties"
        ]
        return f"{''.join(words).removeprefix('.')}: {_shown(self.was)} → {_shown(self.value)}"

    def plant(self, document: dict[str, Any]) -> None:
        """Put it into a document."""
        inner: Any = document
        for part in self.place[:-1]:
            inner = inner[part]
        last: Any = self.place[-1]
        if self.value is REMOVED:
            del inner[last]
        elif isinstance(inner, list) and last == len(inner):
            inner.append(self.value)
        else:
            inner[last] = self.value


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 90 else f"{text[:60]}…{text[-25:]}"


def bugs(document: dict[str, Any]) -> list[Bug]:
    """All bugs that can be planted in a template, in its order; none twice."""
    resources = document["Resources"]
    found: dict[tuple[Place, str], Bug] = {}
    for place, was, value in _changes((), document, document):
        section = place[0]
        name = str(place[1]).removesuffix("Copy") if section == "Resources" else ""
        kind = str(resources[name]["Type"] if name else section)
        found.setdefault((place, repr(value)), Bug(place, was, value, kind))
    return list(found.values())


def differs(bug: Bug, before: dict[str, Any], document: dict[str, Any]) -> bool:
    """Whether a bug is in a resource, parameter or output that another template lacks, or has otherwise."""
    section, name = (*map(str, bug.place), "")[:2]
    if not isinstance(document[section], dict):
        return bool(before.get(section) != document[section])
    name = name if name in document[section] else name.removesuffix("Copy")
    return bool(before.get(section, {}).get(name) != document[section].get(name))


Change = tuple[Place, Any, Any]  # where, what is there, what stands there instead


def _changes(place: Place, value: Any, document: dict[str, Any]) -> Iterator[Change]:
    if isinstance(value, dict):
        yield from _in_object(place, value, document)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield (*place, number), item, REMOVED
            yield from _changes((*place, number), item, document)
            yield from _additions((*place, number), item, _name(place))
        yield from (((*place, len(value)), REMOVED, item) for item in _more(place, value))
    else:
        yield from ((place, value, other) for other in _others(place, value))


def _more(place: Place, values: list[Any]) -> Iterator[Any]:
    """What a list could have besides."""
    if place[-1] == "Statement":
        yield ANYTHING
    elif "EventPattern" in place:
        yield from ("another", {"prefix": ""})
    elif all(isinstance(value, int) for value in values):
        yield max(values) + 1
    elif all(isinstance(value, str) or set(value) <= FUNCTIONS for value in values):
        yield "another"


def _in_object(place: Place, value: dict[str, Any], document: dict[str, Any]) -> Iterator[Change]:
    if len(value) == 1 and set(value) <= FUNCTIONS:
        yield from ((place, value, other) for other in _other_functions(value, document))
        for branch in (1, 2) if "Fn::If" in value else ():
            yield from _changes((*place, "Fn::If", branch), value["Fn::If"][branch], document)
        return
    for key, item in value.items():
        inner = (*place, key)
        if key in TEXTS or not place or (key == "Type" and place[0] != "Parameters"):
            if not place and key not in TEXTS:
                yield from _changes(inner, item, document)
            continue
        yield inner, item, REMOVED
        if key not in LABELS:
            yield from _changes(inner, item, document)
        for other in KEYS.get(key, ()):
            yield place, value, {(other if name == key else name): inside for name, inside in value.items()}
    yield from _additions(place, value, _name(place))
    if len(place) == 2 and place[0] == "Resources":
        properties = (*place, "Properties")
        yield from _added(properties, value.get("Properties", {}), ADDED.get(value["Type"], {}))
        yield from _added(place, value, {"Condition": "HasNotificationEmail", "DeletionPolicy": "Retain"})
        yield (place[0], f"{place[1]}Copy"), REMOVED, value


def _name(place: Place) -> str:
    """The last two names of a place."""
    return ".".join(str(part) for part in place[-2:])


def _additions(place: Place, item: Any, name: str) -> Iterator[Change]:
    for ending, added in ADDED_INSIDE.items():
        if isinstance(item, dict) and (name == ending or name.endswith(f".{ending}")):
            yield from _added(place, item, added)


def _added(place: Place, value: dict[str, Any], added: dict[str, Any]) -> Iterator[Change]:
    for key, item in added.items():
        if key not in value:
            yield (*place, key), REMOVED, item


def _others(place: Place, value: Any) -> Iterator[Any]:
    """What could stand for a boolean, a number or a text."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from sorted({value + 1, value - 1, value * 2, value // 2} - {value})
    elif isinstance(value, float):
        yield from (round(value * 1.1, 6), round(value * 0.9, 6))
    elif place[-1] == "RecursiveLoop":
        yield "Terminate"
    elif value in WORDS:
        yield from WORDS[value]
    elif re.fullmatch(r"[a-z0-9]+:([A-Za-z]+|\*)", value) and "Action" in place:
        service, _, action = value.partition(":")
        yield from {f"{service}:*", f"{service}:{action}*", f"{service}:ListTags"} - {value, f"{service}:**"}
    else:
        yield from _other_texts(value)


def _other_texts(text: str) -> Iterator[str]:
    """A text that is wider, narrower or another one."""
    found = {f"{text}x", text.removesuffix("*"), text.removesuffix("/"), text.replace("*", "", 1)}
    if re.search(r"[/:-]", text):
        found |= {
            text.replace("${AWS::AccountId}", "*"),
            text.replace("${AWS::Region}", "*"),
            text.replace("${Name}", "*", 1),
            text.replace("/*/", "/*", 1),
            re.sub(r"(?<=/)[^/]*$", "*", text),
            re.sub(r"(?<=/)[^/]+/[^/]*$", "*", text),
            re.sub(r"^[^/$]+/", "*/", text),
            re.sub(r"([a-z])(?=[/-])", r"\1x", text, count=1),
        }
    yield from sorted(found - {text, ""})
    if not text:
        yield "someone@example.org"


def _other_functions(value: dict[str, Any], document: dict[str, Any]) -> Iterator[Any]:
    """Another resource or parameter than a function names; another text; a condition that is turned."""
    ((function, argument),) = value.items()
    if function == "Ref":
        yield from ({"Ref": other} for other in _neighbours(argument, document))
        if argument.startswith("AWS::"):
            yield from ("*", "210987654321")
    elif function == "Fn::GetAtt":
        name, attribute = argument
        yield from ({function: [other, attribute]} for other in _neighbours(name, document))
        if document["Resources"][name]["Type"] == "AWS::SQS::Queue":
            yield {function: [name, {"Arn": "QueueName", "QueueName": "Arn"}[attribute]]}
    elif function == "Fn::Sub":
        yield from ({function: other} for other in _other_texts(argument))
    elif function == "Fn::Not":
        yield argument[0]
    elif function == "Fn::If":
        condition, holding, other = argument
        yield from (holding, other, {function: [condition, other, holding]})
        yield from (
            {function: [name, holding, other]} for name in document["Conditions"] if name != condition
        )
    else:
        yield {function: [argument[0], "x"]}
        yield {function: [argument[0], argument[0]]}


def _neighbours(name: str, document: dict[str, Any]) -> list[str]:
    """The next one or two of the same kind: of a type of resource, of a parameter's type."""
    for section in ("Resources", "Parameters"):
        kinds = {key: body["Type"] for key, body in document[section].items()}
        if name in kinds:
            names = [key for key, kind in kinds.items() if kind == kinds[name]]
            at = names.index(name)
            return [other for other in (names[at + 1 :] + names[:at])[:2] if other != name]
    return []
