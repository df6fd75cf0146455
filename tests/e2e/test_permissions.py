"""Every permission in template.yaml is needed, and every condition keeps something out.

What roles were allowed in all clouds of the session is replayed against their policies, each time without one
action, one resource or one value of a condition: something has to be denied. What depends on a condition is
replayed with another value, too: all of it has to be denied. Where the modules that run the deployed template
are not part of the session, they are run for it.
"""

import json
import re
import subprocess
import sys
from dataclasses import replace
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from localcloud.cloudformation.sam import parse, resolve_parameters, translate
from localcloud.core.cloud import Cloud
from localcloud.iam.policy_evaluation import (
    Request,
    Statement,
    allows,
    read,
)
from localcloud.lambda_.runtime import architecture, runtime
from tests import permission_log
from tests.stack import ROOT
from tests.template.document import chosen

NAME = "digits-test"


class Cut(NamedTuple):
    """What to take out of a statement, which is named by its Sid, else by its actions.

    An action, a resource, or a value of the condition whose operator and key are named; `number` counts them.
    """

    role: str
    statement: str
    element: tuple[str, ...]
    number: int
    what: str

    def __str__(self) -> str:
        return f"{self.role}-{self.statement}-{self.what}"


def listed(value: Any) -> list[Any]:
    """An element that may be one value or several."""
    return value if isinstance(value, list) else [value]


def name_of(statement: dict[str, Any]) -> str:
    """A statement's name."""
    return str(statement.get("Sid") or "+".join(listed(statement["Action"])))


def elements(statement: dict[str, Any]) -> list[tuple[str, ...]]:
    """Where a statement has its actions, resources and values of conditions."""
    conditions = statement.get("Condition", {}).items()
    keys = [("Condition", operator, key) for operator, tests in conditions for key in tests]
    return [("Action",), ("Resource",), *keys]


def inside(statement: dict[str, Any], element: tuple[str, ...]) -> Any:
    """What a statement has there."""
    return reduce(getitem, element, statement)


def cuts() -> list[Cut]:
    """Whatever can be taken out of the statements of the template's roles, as it is deployed."""
    document = parse((ROOT / "template.yaml").read_text())
    document["Globals"]["Function"]["CodeUri"] = {"Bucket": "uploaded", "Key": "functions.zip"}
    context = {
        "AWS::AccountId": Cloud.account_id,
        "AWS::Partition": "aws",
        "AWS::Region": Cloud.region,
        "AWS::StackName": NAME,
    }
    machine = {"PythonRuntime": runtime(), "Architecture": architecture()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", Cloud.region)  # which SAM's translator asks boto3 for
        translated = translate(document, resolve_parameters(document, machine), context)
    resources = json.loads(translated)["Resources"]
    return [
        Cut(logical_id, name_of(statement), element, number, _shown(what))
        for logical_id, resource in resources.items()
        if resource["Type"] == "AWS::IAM::Role"
        for policy in map(chosen, resource["Properties"].get("Policies", []))
        for statement in listed(policy["PolicyDocument"]["Statement"])
        for element in elements(statement)
        for number, what in enumerate(listed(inside(statement, element)))
    ]


def _shown(what: Any) -> str:
    """A resource in a few characters: its function's text, without the ARN's beginning."""
    text = what if isinstance(what, str) else ":".join(map(str, listed(next(iter(what.values())))))
    return text.rsplit("${AWS::AccountId}:", 1)[-1]


def without(cut: Cut, documents: tuple[str, ...]) -> list[Statement]:
    """A role's statements after a cut."""
    left: list[Statement] = []
    for document in documents:
        content = json.loads(document)
        statements = listed(content["Statement"])
        for statement in statements:
            if name_of(statement) == cut.statement:
                left_of_it = listed(inside(statement, cut.element))
                inside(statement, cut.element[:-1])[cut.element[-1]] = [
                    item for number, item in enumerate(left_of_it) if number != cut.number
                ]
        content["Statement"] = [statement for statement in statements if _says_something(statement)]
        left += read(json.dumps(content))
    return left


def _says_something(statement: dict[str, Any]) -> bool:
    return [] not in (statement.get("Action"), statement.get("Resource"))


Record = dict[tuple[str, tuple[str, ...]], set[Request]]


@pytest.fixture(scope="module")
def record(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Record:
    """What the roles of deployed templates were allowed: by logical id and policies."""
    missing = permission_log.deploying() - {item.path for item in request.session.items}
    found = permission_log.entries()
    if missing:
        file = tmp_path_factory.mktemp("record") / "authorised.json"
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--permission-log",
            file,
            *sorted(missing),
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        found |= set(permission_log.load(file))
    record: Record = {}
    for role, documents, asked in found:
        logical_id = re.search(r"([A-Za-z0-9]+)-[A-Z0-9]+$", role)
        if logical_id:
            record.setdefault((logical_id[1], documents), set()).add(asked)
    return record


@pytest.mark.parametrize("cut", cuts(), ids=str)
def test_something_needs_every_action_and_resource(cut: Cut, record: Record) -> None:
    """Without it, a request that the tests make would be denied."""
    needed = any(
        not allows(left, asked)
        for (role, documents), requests in record.items()
        if role == cut.role
        for left in [without(cut, documents)]
        for asked in requests
    )
    assert needed, (
        f"{cut.role}, statement {cut.statement}: nothing that the tests do needs {'.'.join(cut.element)} "
        f"{cut.what}. Take it out of template.yaml, or test what needs it over the local cloud, the template "
        "deployed."
    )


ELSEWHERE = {  # keys of the requests' contexts that a statement narrows, and what isn't the stack's
    "iam:passedtoservice": "lambda.amazonaws.com",
    "cloudwatch:namespace": "AWS/Lambda",
    "sagemaker:taggingaction": "CreateEndpoint",
    "kms:grantisforawsresource": "false",
}
UNRESTRICTED = {"s3:prefix"}  # whoever lists the bucket may list all of it: a missing object is then a 404


def test_every_key_of_a_request_is_replayed_or_left_free(record: Record) -> None:
    """A new key is a new question: does a condition have to narrow it?"""
    keys = {key for requests in record.values() for asked in requests for key, _ in asked.context}
    assert keys == ELSEWHERE.keys() | UNRESTRICTED


@pytest.mark.parametrize("key", ELSEWHERE)
def test_what_a_condition_lets_through_is_denied_with_another_value(key: str, record: Record) -> None:
    """Or without any: a condition that is taken out, or made looser, would let it through."""
    for (_, documents), requests in record.items():
        statements = [statement for document in documents for statement in read(document)]
        for asked in (asked for asked in requests if key in dict(asked.context)):
            others = tuple(pair for pair in asked.context if pair[0] != key)
            for context in ((*others, (key, ELSEWHERE[key])), others):
                assert not allows(statements, replace(asked, context=context))
