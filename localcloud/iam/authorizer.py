"""Decides what a role may do, and records what roles were allowed."""

import json
from collections.abc import Sequence
from typing import Any

from moto.iam.models import iam_backends

from localcloud.core.cloud import Cloud
from localcloud.iam.errors import DeniedError
from localcloud.iam.policy_evaluation import Request, allows, read


def require(cloud: Cloud, role_arn: str, session: str, requests: Sequence[Request]) -> None:
    """Record requests that a role's policies allow; DeniedError for the first one that they don't.

    A role that doesn't exist is allowed nothing.
    """
    role = role_arn.rpartition("/")[2]
    documents = policies_of(cloud, role)
    statements = [statement for document in documents for statement in read(document)]
    for request in requests:
        if not allows(statements, request):
            cloud.log_activity("denial", role, f"{request.action} on {request.resource}")
            caller = f"arn:aws:sts::{cloud.account_id}:assumed-role/{role}/{session}"
            raise DeniedError(caller, request.action, request.resource)
        cloud.authorised.add((role, documents, request))


def policies_of(cloud: Cloud, role_name: str) -> tuple[str, ...]:
    """The documents of a role's inline and managed policies, as JSON."""
    backend = iam_backends[cloud.account_id]["aws"]
    role = next((role for role in backend.roles.values() if role.name == role_name), None)
    if role is None:
        return ()
    managed = [
        next(version.document for version in policy.versions if version.is_default)
        for policy in role.managed_policies.values()
    ]
    return tuple(_text(document) for document in [*role.policies.values(), *managed])


def trusts(cloud: Cloud, role_arn: str, service: str) -> bool:
    """Whether a role's trust policy lets a service of AWS assume it."""
    backend = iam_backends[cloud.account_id]["aws"]
    role = next((role for role in backend.roles.values() if role.arn == role_arn), None)
    if role is None:
        return False
    request = Request("sts:AssumeRole", "*", (("aws:sourceaccount", cloud.account_id),), service)
    return allows(read(_text(role.assume_role_policy_document)), request)


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)
