"""A running cloud for the tests of a module."""

from collections.abc import Iterator

import pytest

from localcloud.core.activity import Happening
from localcloud.core.cloud import Cloud
from tests.localcloud.stack_account import Account


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An empty account, shared by a module's tests."""
    happenings: list[Happening] = []
    with Cloud(happenings.append) as cloud:
        yield Account(cloud, tmp_path_factory.mktemp("account"), happenings)
