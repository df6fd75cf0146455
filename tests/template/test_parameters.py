"""The parameters: their defaults, and what they take and refuse, by CloudFormation's rules."""

import re
import tomllib
from typing import Any, NamedTuple

import pytest

from localcloud.cloudformation.errors import TemplateError
from localcloud.cloudformation.sam import resolve_parameters
from tests.template.document import ROOT, template

ANY = "9" * 15


class Takes(NamedTuple):
    """A parameter's default, values at the bounds of what it takes, and values just beyond them."""

    default: str
    taken: str
    refused: str
    kind: str = "Number"


LONGEST = "a" * 16
PARAMETERS = {
    "Name": Takes(
        "digits", f"a digits a-1-b2 {LONGEST}", f"{LONGEST}a Digits 1a -a a- a--b a_b a.b", "String"
    ),
    "PythonRuntime": Takes(
        "python3.13", "python3.11 python3.12 python3.13 python3.14", "python3.10 python3.15", "String"
    ),
    "Architecture": Takes("x86_64", "x86_64 arm64", "x86 amd64", "String"),
    "TransformInstanceType": Takes("ml.m5.large", "ml.m5.xlarge", "", "String"),
    "TransformPricePerHour": Takes("0", f"0 0.115 {ANY}", "-0.01 cheap"),
    "MaxTransformInstances": Takes("4", f"1 {ANY}", "0 many"),
    "ServingImage": Takes(
        "ray:serve-ml-sagemaker-cpu-v1",
        "pytorch-inference:2.6.0-cpu-py312-ubuntu22.04-sagemaker a_9.b/c-d:T_a.g-1",
        "ray ray: :v1 Ray:v1 ray:v1:v2 ray:v/1 host.example:5000/ray:v1",
        "String",
    ),
    "TrainingInstanceType": Takes("ml.g4dn.xlarge", "ml.p4d.24xlarge", "", "String"),
    "SpotTraining": Takes("false", "true false", "True yes 1", "String"),
    "MinimumAccuracy": Takes("0.97", "0 1", "-0.001 1.001 97%"),
    "AccuracyTolerance": Takes("0.002", "0 1", "-0.001 1.001 some"),
    "MaxImages": Takes("1000000", f"1 {ANY}", "0 all"),
    "WaitForImagesMinutes": Takes("60", "0 10080", "-1 10081 long"),
    "WaitForCapacityHours": Takes("24", "0 168", "-1 169 long"),
    "MaxTransformHours": Takes("6", "1 48", "0.9 49 long"),
    "NotificationEmail": Takes("", "someone@example.org", "", "String"),
    "AccessLogBucket": Takes("", "logs", "", "String"),
    "KmsKeyArn": Takes(
        "",
        "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab "
        "arn:aws-cn:kms:cn-north-1:123456789012:key/mrk-1",
        "alias/x 1234abcd-12ab arn:aws:kms:us-east-1:123456789012:alias/x arn:aws:kms:us-east-1:1234:key/1",
        "String",
    ),
    "SubnetIds": Takes(
        "",
        "subnet-0a1b subnet-0,subnet-1",
        "subnet- sg-0 subnet-0, ,subnet-0 subnet-x subnet-0;subnet-1",
        "String",
    ),
    "SecurityGroupIds": Takes("", "sg-0a1b sg-0,sg-1", "sg- subnet-0 sg-0, sg-x", "String"),
    "LogRetentionDays": Takes(
        "90",
        "1 3 5 7 14 30 60 90 120 150 180 365 400 545 731 1096 1827 3653",
        "0 2 4 6 8 13 15 91 364 366 3654 for-ever",
    ),
}


def test_every_parameter_is_in_the_table() -> None:
    """A new one has a row above."""
    assert set(template()["Parameters"]) == set(PARAMETERS)


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_that_is_not_given_has_its_default(name: str) -> None:
    """A stack can be deployed without any: `digits` says it to people who read only README.md."""
    assert resolve_parameters(template(), {})[name] == PARAMETERS[name].default
    assert template()["Parameters"][name]["Type"] == PARAMETERS[name].kind


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_takes_what_is_within_its_bounds_and_nothing_beyond(name: str) -> None:
    """The deployment is refused with the parameter's name, before anything is made."""
    for value in (PARAMETERS[name].default, *PARAMETERS[name].taken.split()):
        assert resolve_parameters(template(), {name: value})[name] == value
    for value in PARAMETERS[name].refused.split():
        with pytest.raises(TemplateError, match=name):
            resolve_parameters(template(), {name: value})


def test_a_choice_is_one_of_these_values() -> None:
    """Where AllowedValues are written, the table has all of them."""
    chosen = {
        name: body["AllowedValues"]
        for name, body in template()["Parameters"].items()
        if "AllowedValues" in body
    }
    assert chosen.keys() == {"PythonRuntime", "Architecture", "SpotTraining", "LogRetentionDays"}
    for name, values in chosen.items():
        assert list(map(str, values)) == PARAMETERS[name].taken.split()


def test_a_stack_has_a_name() -> None:
    """An empty one would make `-start-transform` of it, and its jobs would be everybody's."""
    with pytest.raises(TemplateError, match="beginning with a letter"):
        resolve_parameters(template(), {"Name": ""})


def test_the_runtimes_are_the_pythons_that_the_project_is_for() -> None:
    """pyproject.toml names them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pythons = re.findall(r"Python :: (3\.\d+)", " ".join(project["classifiers"]))
    runtimes = template()["Parameters"]["PythonRuntime"]["AllowedValues"]
    assert runtimes == [f"python{version}" for version in pythons]


def test_every_parameter_is_used() -> None:
    """A parameter that nothing reads promises what it doesn't keep."""
    used = set(_references({key: value for key, value in template().items() if key != "Parameters"}))
    assert set(PARAMETERS) <= used


def _references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [name for item in value for name in _references(item)]
    if not isinstance(value, dict):
        return []
    if list(value) == ["Ref"]:
        return [value["Ref"]]
    if list(value) == ["Fn::Sub"]:
        return re.findall(r"\$\{([^}.]+)", value["Fn::Sub"])
    return [name for item in value.values() for name in _references(item)]
