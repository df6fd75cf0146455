"""IAM policies: what a document's statements say about a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
What is not known here (an element, a condition operator, a policy variable) is refused: it would be decided
wrongly.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from localcloud.iam.errors import PolicyError

ELEMENTS = frozenset(
    {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition", "Principal"}
)


@dataclass(frozen=True)
class Request:
    """One question to IAM: may this action be done on this resource, with these values of condition keys?"""

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()
    principal: str = ""  # of a resource's policy: the service that asks, such as events.amazonaws.com


@dataclass(frozen=True)
class Statement:
    """A statement; `actions` and `resources` are None where it has NotAction and NotResource."""

    sid: str
    allows: bool
    actions: tuple[str, ...] | None
    not_actions: tuple[str, ...]
    resources: tuple[str, ...] | None
    not_resources: tuple[str, ...]
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]  # operator, key, values
    principals: tuple[str, ...]

    def matches(self, request: Request) -> bool:
        """Whether it applies to a request."""
        acts = _any(
            self.actions, self.not_actions, lambda pattern: _like(pattern.lower(), request.action.lower())
        )
        on = _any(self.resources, self.not_resources, lambda pattern: _names(pattern, request.resource))
        by = not self.principals or "*" in self.principals or request.principal in self.principals
        return (
            acts
            and on
            and by
            and all(_holds(*condition, dict(request.context)) for condition in self.conditions)
        )


@lru_cache(maxsize=1024)
def read(document: str) -> tuple[Statement, ...]:
    """Read a policy document; PolicyError for what can't be decided."""
    content = json.loads(document)
    if not isinstance(content, dict) or "Statement" not in content:
        raise PolicyError(f"Expected a policy with the element 'Statement', found {document}.")
    unknown = set(content) - {"Version", "Id", "Statement"}
    if unknown:
        raise PolicyError(
            f"A policy has the element {sorted(unknown)[0]!r}, which the local cloud doesn't know."
        )
    if content.get("Version", "2012-10-17") != "2012-10-17" and "${" in document:
        raise PolicyError("Policy variables need the Version 2012-10-17.")
    return tuple(_statement(entry) for entry in _listed(content["Statement"]))


def allows(statements: Sequence[Statement], request: Request) -> bool:
    """Whether a request is allowed by a statement and denied by none."""
    having = [statement.allows for statement in statements if statement.matches(request)]
    return bool(having) and all(having)


def _statement(entry: Any) -> Statement:
    if not isinstance(entry, dict):
        raise PolicyError(f"Expected a policy's Statement to be an object, found {entry!r}.")
    sid = entry.get("Sid", "")
    unknown = set(entry) - ELEMENTS
    if unknown:
        raise PolicyError(
            f"Statement {sid!r} has the element {sorted(unknown)[0]!r}, which the local cloud doesn't know."
        )
    if entry.get("Effect") not in ("Allow", "Deny"):
        raise PolicyError(
            f"Statement {sid!r}: expected the Effect Allow or Deny, found {entry.get('Effect')!r}."
        )
    if ("Action" in entry) == ("NotAction" in entry):
        raise PolicyError(f"Statement {sid!r}: expected either Action or NotAction.")
    conditions_given = entry.get("Condition") or {}
    if not isinstance(conditions_given, dict) or not all(
        isinstance(tests, dict) for tests in conditions_given.values()
    ):
        raise PolicyError(
            f"Statement {sid!r}: expected a Condition like {{operator: {{key: value}}}}, found "
            f"{conditions_given!r}."
        )
    conditions = tuple(
        (operator, key.lower(), tuple(_text(value) for value in _listed(values)))
        for operator, tests in conditions_given.items()
        for key, values in tests.items()
    )
    for operator, _, _ in conditions:
        if _operator(operator)[0] not in OPERATORS:
            raise PolicyError(
                f"Statement {sid!r} has the condition operator {operator!r}; the local cloud knows "
                f"{', '.join(OPERATORS)}, each with IfExists, too."
            )
    named = [*_listed(entry.get("Resource", [])), *_listed(entry.get("NotResource", []))]
    variable = re.search(r"\$\{[^}]*\}", json.dumps([named, entry.get("Condition", {})]))
    if variable:
        raise PolicyError(
            f"Statement {sid!r} has the policy variable {variable[0]}, which the local cloud doesn't know."
        )
    return Statement(
        sid=sid,
        allows=entry["Effect"] == "Allow",
        actions=tuple(_listed(entry["Action"])) if "Action" in entry else None,
        not_actions=tuple(_listed(entry.get("NotAction", []))),
        resources=None if "NotResource" in entry else tuple(_listed(entry.get("Resource", "*"))),
        not_resources=tuple(_listed(entry.get("NotResource", []))),
        conditions=conditions,
        principals=tuple(_principals(entry.get("Principal", {}))),
    )


def _principals(principal: Any) -> list[str]:
    if isinstance(principal, str):
        return [principal]
    return [name for names in principal.values() for name in _listed(names)]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _any(wanted: tuple[str, ...] | None, unwanted: tuple[str, ...], matches: Callable[[str], bool]) -> bool:
    return not any(map(matches, unwanted)) if wanted is None else any(map(matches, wanted))


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def _like(pattern: str, text: str) -> bool:
    return _pattern(pattern).fullmatch(text) is not None


def _names(pattern: str, arn: str) -> bool:
    """Whether a pattern names an ARN: a wildcard stays within the parts between the first five colons."""
    if pattern == "*":
        return True
    wanted, found = pattern.split(":", 5), arn.split(":", 5)
    return len(wanted) == len(found) and all(map(_like, wanted, found))


OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, found: wanted == found,
    "StringEqualsIgnoreCase": lambda wanted, found: wanted.lower() == found.lower(),
    "StringLike": _like,
    "ArnEquals": _names,
    "ArnLike": _names,
    "Bool": lambda wanted, found: wanted.lower() == found.lower(),
    "Null": lambda wanted, found: wanted.lower() == found,
}


def _operator(name: str) -> tuple[str, bool, bool]:
    """An operator without its negation and IfExists, and whether it has them."""
    plain = name.removesuffix("IfExists")
    for negated in ("StringNot", "ArnNot"):
        if plain.startswith(negated):
            return plain.replace("Not", "", 1), True, plain != name
    return plain, False, plain != name


def _holds(operator: str, key: str, wanted: tuple[str, ...], context: Mapping[str, str]) -> bool:
    plain, negated, if_exists = _operator(operator)
    if plain == "Null":
        return _text(key not in context) in wanted
    if key not in context:
        return negated or if_exists
    return any(OPERATORS[plain](value, context[key]) for value in wanted) != negated
