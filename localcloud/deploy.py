"""Deploys a SAM template to the local cloud, as `sam build` and `sam deploy` do to AWS."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from localcloud.cloudformation.sam import parse
from localcloud.cloudformation.statuses import DEPLOYED, INITIATED, INTERNAL_FAILURE, ONLY_TO_DELETE
from localcloud.core.cloud import Cloud
from localcloud.lambda_.runtime import architecture, refuse_unsupported, runtime
from localcloud.packaging import pack

ARTIFACTS = f"deployment-artifacts-{Cloud.account_id}"
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
STACK = "AWS::CloudFormation::Stack"


class DeployError(Exception):
    """A stack could not be deployed; the message names the resource and the reason."""


class LocalCloudBugError(Exception):
    """The local cloud itself has failed: not a refusal, but a bug of its own, with its traceback."""


def deploy(
    cloud: Cloud, template: Path, stack_name: str, parameters: Mapping[str, str], state: Path
) -> dict[str, str]:
    """Create the stack, or update it when it exists, and return its outputs.

    Parameters named PythonRuntime and Architecture get what this machine has unless they are given; giving
    others is an UnsupportedRuntimeError. On an update, what is not given keeps its value. Packages for the
    functions are kept below `state`. Raise TemplateError when the template can't be read, DeployError when
    CloudFormation refuses it or the stack rolls back, PackageError when a function can't be packed, and
    LocalCloudBugError for a bug of the local cloud.
    """
    cloud.log_activity("stack", stack_name, f"packing the functions of {template.name}")
    document = parse(template.read_text())
    _upload_functions(cloud, document, template.parent, state)
    declared = document.get("Parameters") or {}
    values = {**_machine_parameters(parameters, declared), **parameters}
    cloudformation = cloud.client("cloudformation")
    request = {
        "StackName": stack_name,
        "TemplateBody": json.dumps(document),
        "Capabilities": CAPABILITIES,
    }
    before = _describe(cloud, stack_name)
    if before is not None and before["StackStatus"] in ONLY_TO_DELETE:
        cloudformation.delete_stack(StackName=stack_name)
        before = _describe(cloud, stack_name)
        if before is not None:
            raise DeployError(f"The stack {stack_name} can't be deleted. {_reason(cloud, stack_name)}")
    try:
        if before is None:
            cloudformation.create_stack(**request, Parameters=_listed(values))
        else:
            kept = {entry["ParameterKey"] for entry in before.get("Parameters", [])} & set(declared)
            unchanged = [
                {"ParameterKey": key, "UsePreviousValue": True} for key in sorted(kept - set(values))
            ]
            cloudformation.update_stack(**request, Parameters=_listed(values) + unchanged)
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if error.response["Error"]["Code"] == INTERNAL_FAILURE:
            raise LocalCloudBugError(message) from error
        if "No updates are to be performed" not in message:
            raise DeployError(f"CloudFormation refuses {template}: {message}") from error
        cloud.log_activity("stack", stack_name, "nothing to update")
    after = _describe(cloud, stack_name) or {}
    if after.get("StackStatus") not in DEPLOYED:
        raise DeployError(
            f"The stack {stack_name} is {after.get('StackStatus')}. {_reason(cloud, stack_name)}"
        )
    return {output["OutputKey"]: output["OutputValue"] for output in after.get("Outputs", [])}


def _upload_functions(cloud: Cloud, document: dict[str, Any], folder: Path, state: Path) -> None:
    """Replace every function's CodeUri by the place of its uploaded zip; a folder is packed once."""
    common = document.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    places: dict[str, dict[str, str]] = {}
    for logical_id, resource in document["Resources"].items():
        if resource.get("Type") != "AWS::Serverless::Function":
            continue
        properties = resource.setdefault("Properties", {})
        source = properties.get("CodeUri", common)
        if not isinstance(source, str):
            raise DeployError(
                f"{logical_id} has the CodeUri {source!r}; expected a folder, relative to the template."
            )
        if source not in places:
            places[source] = _upload(cloud, pack((folder / source).resolve(), state))
        properties["CodeUri"] = places[source]


def _upload(cloud: Cloud, archive: bytes) -> dict[str, str]:
    s3, key = cloud.client("s3"), f"{hashlib.sha256(archive).hexdigest()}.zip"
    s3.create_bucket(Bucket=ARTIFACTS)
    s3.put_object(Bucket=ARTIFACTS, Key=key, Body=archive)
    return {"Bucket": ARTIFACTS, "Key": key}


def _machine_parameters(given: Mapping[str, str], declared: Mapping[str, Any]) -> dict[str, str]:
    machine = {"PythonRuntime": runtime(), "Architecture": architecture()}
    wanted = {name: given.get(name, value) for name, value in machine.items()}
    refuse_unsupported("The stack", wanted["PythonRuntime"], wanted["Architecture"])
    return {name: value for name, value in machine.items() if name in declared}


def _listed(values: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]


def _describe(cloud: Cloud, stack_name: str) -> dict[str, Any] | None:
    stacks: list[dict[str, Any]] = cloud.client("cloudformation").describe_stacks()["Stacks"]
    return next((stack for stack in stacks if stack["StackName"] == stack_name), None)


def _reason(cloud: Cloud, stack_name: str) -> str:
    """The first failure in the stack's events since its last operation began."""
    reason = "Its events name no failed resource."
    for event in cloud.client("cloudformation").describe_stack_events(StackName=stack_name)["StackEvents"]:
        if event["ResourceStatus"].endswith("_FAILED") and event.get("ResourceStatusReason"):
            reason = (
                f"{event['LogicalResourceId']} ({event['ResourceType']}): {event['ResourceStatusReason']}"
            )
        if event["ResourceType"] == STACK and event.get("ResourceStatusReason") == INITIATED:
            break
    return reason
