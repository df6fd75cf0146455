"""What roles were allowed in this session's clouds: the record that tests/test_permissions.py replays."""

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from localcloud.core.cloud import Cloud

TESTS = Path(__file__).parent
REPLAY = TESTS / "test_permissions.py"
ELSEWHERE = {"faults", "fidelity", "notebook", "programs"}  # not part of `make test`
_DEPLOYS = re.compile(r"deploy\([^)]*template\.yaml")
Entry = tuple[str, tuple[str, ...], Any]  # a role's name, its policies as JSON, an iam.policies.Request
_records: list[set[Entry]] = []


def watch() -> None:
    """Keep the record of every cloud that starts from now on."""
    start = Cloud.start

    def watched(cloud: Cloud) -> None:
        _records.append(cloud.authorised)
        start(cloud)

    Cloud.start = watched  # type: ignore[method-assign, assignment] # for the whole session


@cache
def deploying() -> frozenset[Path]:
    """The modules of `make test` that run the deployed template."""
    files = (file for file in TESTS.rglob("test_*.py") if not ELSEWHERE & set(file.parts))
    return frozenset(file for file in files if file != REPLAY and _DEPLOYS.search(file.read_text()))


def entries() -> set[Entry]:
    """All that has been allowed so far."""
    return set().union(*_records)


def save(file: Path) -> None:
    """Write the record, for the session that has started this one."""
    lines = [
        [role, documents, request.action, request.resource, request.context]
        for role, documents, request in entries()
    ]
    file.write_text(json.dumps(lines))


def load(file: Path) -> Iterable[Entry]:
    """Read a record that `save` wrote."""
    from localcloud.iam.policy_evaluation import (
        Request,  # moto's import costs a second that other tests don't pay
    )

    for role, documents, action, resource, context in json.loads(file.read_text()):
        pairs = tuple((key, value) for key, value in context)
        yield role, tuple(documents), Request(action, resource, pairs)
