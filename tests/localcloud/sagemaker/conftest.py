"""The local cloud that the tests of SageMaker run in."""

from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.assembly import local_cloud
from tests.localcloud.sagemaker.sagemaker_account import BUCKET, Account, make_role


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    """An account with a bucket and a note of all events, shared by a module's tests."""
    with local_cloud() as cloud:
        account = Account(cloud)
        emit = cloud.emit

        def note(source: str, detail_type: str, detail: Any, resources: list[str]) -> None:
            account.sent.append({"detail-type": detail_type, "detail": detail, "resources": resources})
            emit(source, detail_type, detail, resources)

        cloud.patch(cloud, "emit", note)
        account.s3.create_bucket(Bucket=BUCKET)
        make_role(cloud)
        yield account
