"""No test sees the AWS settings of the shell that it runs in: moto reads a profile when it is imported."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests import authorised

for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]

# Drawing examples takes its time on a busy machine; that says nothing about what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

authorised.watch()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--authorised FILE` writes what roles were allowed."""
    parser.addoption(
        "--authorised", type=Path, help="write what roles were allowed in the clouds of this session"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What the replay of permissions looks at comes first, then the replay, then what takes long."""
    deploying = authorised.deploying()
    items.sort(
        key=lambda item: (
            item.path not in deploying,
            item.path != authorised.REPLAY,
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
    file = session.config.getoption("--authorised")
    if file:
        authorised.save(file)
