"""What roles were allowed in this session's clouds: the record that tests/e2e/test_permissions.py replays."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from localcloud.core.cloud import Cloud

ROOT = Path(__file__).parents[1]
E2E = ROOT / "tests" / "e2e"
REPLAY = E2E / "test_permissions.py"
Entry = tuple[str, tuple[str, ...], Any]  # a role's name, its policies as JSON, an iam.policies.Request
_records: list[set[Entry]] = []


def watch() -> None:
    """Keep the record of every cloud that starts from now on."""
    start = Cloud.start

    def watched(cloud: Cloud) -> None:
        _records.append(cloud.authorised)
        start(cloud)

    Cloud.start = watched  # type: ignore[method-assign, assignment] # for the whole session


def deploying() -> frozenset[Path]:
    """The modules whose permissions are replayed; each has the marker `deploys` (tests/test_suite.py)."""
    return frozenset(E2E.glob("test_*.py")) - {REPLAY}


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
