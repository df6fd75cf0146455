"""A running cloud for the tests of a module."""

from collections.abc import Iterator

import pytest

from localcloud.assembly import local_cloud
from localcloud.core.activity import Activity
from tests.localcloud.stack_account import Account


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An empty account, shared by a module's tests."""
    activities: list[Activity] = []
    with local_cloud(activities.append) as cloud:
        yield Account(cloud, tmp_path_factory.mktemp("account"), activities)
