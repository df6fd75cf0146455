"""Reads a SAM template as CloudFormation would: parameters, the Serverless transform, what it may hold."""

import json
import logging
import re
from collections.abc import Mapping
from typing import Any

from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse
from yaml import YAMLError

from localcloud.cloudformation.errors import TemplateError
from localcloud.cloudformation.supported import RESOURCE_KEYS, SUPPORTED

SAM = "AWS::Serverless-2016-10-31"
logging.getLogger("samtranslator.metrics.metrics").setLevel(logging.ERROR)  # it warns of unread metrics


class _NoManagedPolicies(ManagedPolicyLoader):  # type: ignore[misc]  # samtranslator carries no types
    """SAM asks IAM for the ARNs of AWS's managed policies by name; templates here give ARNs."""

    def __init__(self) -> None:
        super().__init__(None)

    def load(self) -> dict[str, str]:
        return {}


def as_text(value: Any) -> str:
    """A value as CloudFormation turns it into text: booleans in lower case, all else as written."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def parse(text: str) -> dict[str, Any]:
    """A template's JSON form; YAML's short tags become `Fn::` functions, dates become strings."""
    try:
        template = json.loads(json.dumps(yaml_parse(text), default=str))
    except (YAMLError, ValueError) as error:
        raise TemplateError(f"Template format error: neither YAML nor JSON. {error}") from error
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise TemplateError("Template format error: at least one Resources member must be defined.")
    return template


def translate(template: Mapping[str, Any], parameters: Mapping[str, str], context: Mapping[str, str]) -> str:
    """The template without Serverless resources, as JSON; `context` gives AWS::Region and the like.

    Raise TemplateError for what SAM refuses, and for types and properties that the local cloud would drop.
    """
    document = json.loads(json.dumps(template))
    transforms = document.get("Transform", [])
    if SAM in (transforms if isinstance(transforms, list) else [transforms]):
        try:
            document = transform(document, {**parameters, **context}, _NoManagedPolicies())
        except InvalidDocumentException as error:
            causes = "; ".join(cause.message for cause in error.causes)
            raise TemplateError(f"{error.message} {causes}") from error
    document.pop("Transform", None)
    refuse_unknown(document["Resources"])
    return json.dumps(document)


def resolve_parameters(template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """Every parameter's value as text, defaults filled in, checked against the template's constraints.

    The constraints are CloudFormation's:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
    """
    declared: Mapping[str, Any] = template.get("Parameters") or {}
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise TemplateError(
            f"Parameters: {unknown} do not exist in the template, which has {sorted(declared)}."
        )
    values: dict[str, str] = {}
    for name, slot in declared.items():
        if name not in given and "Default" not in slot:
            raise TemplateError(f"Parameters: [{name}] must have values; give one with the deployment.")
        values[name] = given[name] if name in given else as_text(slot["Default"])
        _check(name, values[name], slot)
    return values


def refuse_unknown(resources: Mapping[str, Any]) -> None:
    """Raise TemplateError for the first resource with a type or property that would silently do nothing."""
    for logical_id, resource in resources.items():
        kind = resource.get("Type")
        if kind not in SUPPORTED:
            raise TemplateError(
                f"Template format error: Unrecognized resource types: [{kind}] ({logical_id}). "
                f"The local cloud supports {', '.join(sorted(SUPPORTED))}."
            )
        for found, known, what in (
            (resource, RESOURCE_KEYS, "attribute"),
            (resource.get("Properties") or {}, SUPPORTED[kind], "property"),
        ):
            dropped = sorted(set(found) - known)
            if dropped:
                raise TemplateError(
                    f"{logical_id} ({kind}): the local cloud would ignore the {what} {dropped[0]!r}. "
                    f"It knows {', '.join(sorted(known))}."
                )


def _check(name: str, value: str, slot: Mapping[str, Any]) -> None:
    """Raise TemplateError unless `value` meets the constraints that its parameter declares."""
    wanted = ""
    if slot["Type"] == "Number":
        try:
            number = float(value)
        except ValueError as error:
            raise TemplateError(f"Parameter {name} must be a number, but is {value!r}.") from error
        if number < float(slot.get("MinValue", number)):
            wanted = f"at least {slot['MinValue']}"
        elif number > float(slot.get("MaxValue", number)):
            wanted = f"at most {slot['MaxValue']}"
    elif not int(slot.get("MinLength", 0)) <= len(value) <= int(slot.get("MaxLength", len(value))):
        wanted = f"of {slot.get('MinLength', 0)} to {slot.get('MaxLength', '…')} characters"
    elif "AllowedPattern" in slot and not re.fullmatch(slot["AllowedPattern"], value):
        wanted = slot.get("ConstraintDescription") or f"like the pattern {slot['AllowedPattern']}"
    if "AllowedValues" in slot and value not in [as_text(allowed) for allowed in slot["AllowedValues"]]:
        wanted = f"one of {slot['AllowedValues']}"
    if wanted:
        raise TemplateError(f"Parameter {name} must be {wanted}, but is {value!r}.")
