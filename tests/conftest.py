"""No test sees the AWS settings of the shell that it runs in: moto reads a profile when it is imported."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests import permission_log, selection, service_models

for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]

MAX_ID_BYTES = 16

# Drawing examples takes its time on a busy machine; that says nothing about what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

permission_log.watch()
service_models.read_once()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--permission-log FILE` writes what roles were allowed."""
    parser.addoption(
        "--permission-log", type=Path, help="write what roles were allowed in the clouds of this session"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what isn't asked for, without importing it."""
    return None if selection.is_asked_for(config, collection_path) else True


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name long bytes by their number: packed ones hold the time of day, and processes compare names."""
    return f"{argname}_of_{len(val)}" if isinstance(val, bytes) and len(val) > MAX_ID_BYTES else None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark a test by its folder."""
    marker = selection.folder_marker(item.config, item.path)
    if marker:
        item.add_marker(marker)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What the replay of permissions looks at comes first, then the replay, then what takes long."""
    items.sort(
        key=lambda item: (
            not item.get_closest_marker("deploys"),
            item.path != permission_log.REPLAY,
            item.get_closest_marker("long") is None,
        )
    )


@pytest.hookimpl(optionalhook=True)  # pytest-xdist isn't installed where only torchvision is tested
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Several processes share the tests out by files."""
    from tests.scheduling import ByFile

    return ByFile(config, log)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the record where it is asked for."""
    file = session.config.getoption("--permission-log")
    if file:
        permission_log.save(file)
