"""What the template's functions come to in a deployed stack, and what its policies then say."""

import json
import re
from collections.abc import Mapping
from typing import Any

from localcloud.iam.policy_evaluation import Request, Statement, allows, read
from tests.template.document import resource, template

ACCOUNT, REGION = "123456789012", "us-east-1"
NOTHING = object()  # what AWS::NoValue leaves
PSEUDO: dict[str, Any] = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::NoValue": NOTHING,
}
BUCKET = "digits-bucket"  # of the events in tests/events/
EVENTS = "events.amazonaws.com"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
_ANYTHING = read('{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}')


def deployed(value: Any, **parameters: str) -> Any:
    """A value of the template with its functions evaluated; parameters that aren't given have defaults."""
    if isinstance(value, list):
        return [found for item in value if (found := deployed(item, **parameters)) is not NOTHING]
    if not isinstance(value, dict):
        return value
    match list(value.items()):
        case [("Ref", str(name))]:
            return _ref(name, parameters)
        case [("Fn::GetAtt", [name, attribute])]:
            return _attribute(name, attribute)
        case [("Fn::Sub", str(text))]:
            return re.sub(r"\$\{([^}]+)\}", lambda found: str(_named(found[1], parameters)), text)
        case [("Fn::Equals", [left, right])]:
            return deployed(left, **parameters) == deployed(right, **parameters)
        case [("Fn::If", [str(condition), holding, other])]:
            holds = deployed(template()["Conditions"][condition], **parameters)
            return deployed(holding if holds else other, **parameters)
        case [("Fn::Not", [condition])]:
            return not deployed(condition, **parameters)
    assert not any(key.startswith("Fn::") for key in value), value
    found = {key: deployed(item, **parameters) for key, item in value.items()}
    return {key: item for key, item in found.items() if item is not NOTHING}


def _named(name: str, parameters: Mapping[str, str]) -> Any:
    target, _, attribute = name.partition(".")
    return _attribute(target, attribute) if attribute else _ref(target, parameters)


def _ref(name: str, parameters: Mapping[str, str]) -> Any:
    if name in PSEUDO:
        return PSEUDO[name]
    if name in template()["Parameters"]:
        return parameters.get(name, template()["Parameters"][name]["Default"])
    match resource(name)["Type"]:
        case "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"
        case "AWS::SNS::Topic":
            return f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}"
        case "AWS::S3::Bucket":
            return BUCKET
        case "AWS::Serverless::Function":
            return deployed(resource(name)["Properties"]["FunctionName"])
        case _:
            return name


def _attribute(name: str, attribute: str) -> str:
    kind = resource(name)["Type"]
    if (kind, attribute) == ("AWS::SQS::Queue", "QueueName"):
        return name
    assert attribute == "Arn", f"{name}.{attribute}"
    prefix = {
        "AWS::S3::Bucket": "arn:aws:s3:::",
        "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:",
        "AWS::Events::Rule": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/",
        "AWS::Serverless::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:",
        "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/",
    }[kind]
    named = kind in ("AWS::S3::Bucket", "AWS::Serverless::Function")
    return prefix + (str(_ref(name, {})) if named else name)


def arn(name: str) -> str:
    """A resource's ARN."""
    return _attribute(name, "Arn")


def statements(document: Any) -> tuple[Statement, ...]:
    """A policy document of the template, as IAM reads it in the deployed stack."""
    return read(json.dumps(deployed(document)))


def allowed(
    document: Any, action: str, on: str, context: Mapping[str, str] | None = None, by: str = ""
) -> bool:
    """Whether a policy document allows a request."""
    return allows(statements(document), _request(action, on, context, by))


def denied(
    document: Any, action: str, on: str, context: Mapping[str, str] | None = None, by: str = ""
) -> bool:
    """Whether a policy document denies a request to those who are otherwise allowed everything."""
    return not allows([*_ANYTHING, *statements(document)], _request(action, on, context, by))


def _request(action: str, on: str, context: Mapping[str, str] | None, by: str) -> Request:
    return Request(action, on, tuple((key.lower(), value) for key, value in (context or {}).items()), by)
