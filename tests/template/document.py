"""template.yaml as these tests read it: in one object, in which tests/mutants/template.py plants bugs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from localcloud.cloudformation.sam import parse

ROOT = Path(__file__).parents[2]
Properties = dict[str, Any]
_TEMPLATE = parse((ROOT / "template.yaml").read_text())


def template() -> dict[str, Any]:
    """The template in its JSON form; short tags are `Fn::` functions."""
    return _TEMPLATE


def resource(name: str) -> dict[str, Any]:
    """A resource with its type, policies and properties."""
    found: dict[str, Any] = template()["Resources"][name]
    return found


def properties(name: str) -> Properties:
    """A resource's properties."""
    found: Properties = resource(name).get("Properties", {})
    return found


def of_type(kind: str) -> dict[str, Properties]:
    """The properties of the resources of a type, by logical name; there is at least one."""
    names = [name for name, body in template()["Resources"].items() if body["Type"] == kind]
    assert names, f"template.yaml has no {kind}"
    return {name: properties(name) for name in names}


def function(name: str) -> Properties:
    """A function's properties, those of Globals among them."""
    assert resource(name)["Type"] == "AWS::Serverless::Function"
    return {**template()["Globals"]["Function"], **properties(name)}


def many(value: Any) -> list[Any]:
    """One or several, as IAM and events write them."""
    return value if isinstance(value, list) else [value]


def chosen(policy: Any) -> Any:
    """A policy of a role, whether or not it depends on a condition; then without one there is none."""
    match policy:
        case {"Fn::If": [_, conditional, {"Ref": "AWS::NoValue"}]}:
            return conditional
    return policy


def role_documents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every policy document of a role that the template writes, with the name of its function or role."""
    for name, body in of_type("AWS::Serverless::Function").items():
        for policy in body["Policies"]:
            yield name, chosen(policy)
    for name, body in of_type("AWS::IAM::Role").items():
        for policy in body["Policies"]:
            yield name, chosen(policy)["PolicyDocument"]


def role_statements() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement that allows something to a function or to SageMaker."""
    for name, document in role_documents():
        for statement in document["Statement"]:
            yield name, statement
