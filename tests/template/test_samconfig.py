"""samconfig.toml: the stacks that are deployed from this template, and how."""

import tomllib
from typing import Any

import pytest

from cli import samconfig
from localcloud.cloudformation.sam import resolve_parameters
from tests.template.document import ROOT, template

FILE = ROOT / "samconfig.toml"
IN_AWS = ("default", "prod")


def parameters(environment: str) -> dict[str, str]:
    """The parameters of a stack, defaults filled in."""
    return resolve_parameters(template(), samconfig.read(FILE, environment).parameters)


def command(environment: str, name: str) -> dict[str, Any]:
    """The options of a command of `sam`."""
    options: dict[str, Any] = tomllib.loads(FILE.read_text())[environment][name]["parameters"]
    return options


@pytest.mark.parametrize("environment", [*IN_AWS, "local"])
def test_the_template_takes_what_samconfig_gives(environment: str) -> None:
    """`sam deploy --config-env prod` isn't refused for a parameter."""
    given = samconfig.read(FILE, environment).parameters
    assert parameters(environment).items() >= given.items()


@pytest.mark.parametrize("environment", IN_AWS)
def test_a_deployment_to_aws_is_shown_before_it_happens(environment: str) -> None:
    """Roles may be made, code goes to a bucket of SAM's, and a deployment without a change is no error."""
    deploy = command(environment, "deploy")
    deploy.pop("parameter_overrides")
    assert deploy == {
        "stack_name": {"default": "digits", "prod": "digits-prod"}[environment],
        "capabilities": "CAPABILITY_IAM",
        "resolve_s3": True,
        "confirm_changeset": True,
        "fail_on_empty_changeset": False,
    }
    assert command(environment, "build") == {"cached": True}
    assert command(environment, "validate") == {"lint": True}


def test_production_is_larger_stricter_and_remembers_longer() -> None:
    """What stands for a year, and what needs a person's approval sooner."""
    production, ours = parameters("prod"), parameters("default")
    assert float(production["MinimumAccuracy"]) == 0.99 > float(ours["MinimumAccuracy"])
    assert int(production["LogRetentionDays"]) == 365 > int(ours["LogRetentionDays"])
    assert int(production["MaxTransformInstances"]) == 8 > int(ours["MaxTransformInstances"])
    assert production["TransformInstanceType"] == "ml.m5.xlarge"


def test_only_the_local_stack_takes_a_weaker_model() -> None:
    """Its sample of 5,000 images trains one; its logs are gone with it."""
    assert parameters("local")["MinimumAccuracy"] == "0.95"
    assert parameters("local")["LogRetentionDays"] == "1"


def test_two_stacks_of_an_account_do_not_meet() -> None:
    """No stack's Name is another's up to a hyphen: its permissions would cover the other's jobs."""
    names = [parameters(environment)["Name"] for environment in IN_AWS]
    assert names == ["digits", "production"]
    assert not any(one != other and f"{other}-".startswith(f"{one}-") for one in names for other in names)
