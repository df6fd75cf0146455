"""The deployed stack that a command uses, in AWS or in the local cloud."""

from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from cli import samconfig
from cli.errors import CommandError, in_words
from cli.project import SAMCONFIG

NAME = samconfig.read(SAMCONFIG, "default").stack_name

StackName = Annotated[
    str, typer.Option("--stack", envvar="DIGITS_STACK", help="Name of the deployed stack.", metavar="NAME")
]


@dataclass(frozen=True)
class Stack:
    """A deployed stack: its name, its outputs and parameters (template.yaml), and CloudFormation's status."""

    name: str
    outputs: dict[str, str]
    parameters: dict[str, str] = field(default_factory=dict)
    status: str = ""

    @property
    def bucket(self) -> str:
        """The data bucket's name."""
        return self.outputs["BucketName"]

    @property
    def group(self) -> str:
        """The name of the model package group, which is the parameter `Name`."""
        return self.outputs["ModelPackageGroupName"]

    def parameter(self, name: str) -> str:
        """A parameter's value; CommandError for a stack that was deployed from a template without it."""
        if name not in self.parameters:
            raise CommandError(
                f"stack {self.name}: expected the parameter {name} of template.yaml, found none. "
                "Deploy this version with `sam build` and `sam deploy`"
            )
        return self.parameters[name]


@cache
def client(service: str) -> Any:
    """A boto3 client with the shell's credentials, region and AWS_ENDPOINT_URL."""
    try:
        make: Any = boto3.client  # its types know services by literal names only
        return make(service)
    except BotoCoreError as error:  # no region, or a profile that doesn't exist
        raise CommandError(f"AWS {service}: {error} Set AWS_DEFAULT_REGION, or AWS_PROFILE.") from error


def find(name: str) -> Stack:
    """Find a deployed stack by its name; CommandError, with what to do next, if there is none."""
    try:
        (found,) = client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except EndpointConnectionError as error:
        raise CommandError(f"stack {name}: {in_words(error)}") from error
    except (ClientError, BotoCoreError) as error:
        raise CommandError(
            f"stack {name}: expected a deployed stack, found: {error}. Deploy it with `sam deploy`, choose "
            "another with --stack, or check this shell's credentials and region"
        ) from error
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    if not {"BucketName", "ModelPackageGroupName"} <= set(outputs):
        raise CommandError(
            f"stack {name}: expected the outputs of Digit Batch's template.yaml, found "
            f"{', '.join(sorted(outputs)) or 'none'} ({found['StackStatus']}). Choose another with --stack"
        )
    parameters = {
        parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in found.get("Parameters", [])
    }
    return Stack(name, outputs, parameters, found["StackStatus"])
