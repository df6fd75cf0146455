"""One account of the local cloud, one data set and one trained model for all servers."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from localcloud.assembly import local_cloud
from tests.fidelity.local_training import start_training
from tests.localcloud.sagemaker.sagemaker_account import BUCKET, Account, make_role
from training.datasets import Digits, Splits, idx, sample


@pytest.fixture(scope="session")
def parts() -> Splits:
    """Real digits: disjoint parts to train on, to test with, and to drop."""
    return sample(seed=1)


@pytest.fixture(scope="session")
def account(parts: Splits) -> Iterator[Account]:
    """An account whose bucket holds a small data set of two channels."""
    with local_cloud() as cloud:
        account = Account(cloud)
        account.s3.create_bucket(Bucket=BUCKET)
        make_role(cloud)
        channels: dict[str, Digits] = {"training": parts.training[np.arange(1200)], "test": parts.test}
        for name, digits in channels.items():
            account.put(f"datasets/{name}/digits-images-idx3-ubyte.gz", idx(digits.images))
            account.put(f"datasets/{name}/digits-labels-idx1-ubyte.gz", idx(digits.labels))
        yield account


@pytest.fixture(scope="session")
def trained(account: Account) -> Any:
    """The description of a completed training job."""
    job = start_training(account, arch="small", epochs="3", seed="5", augmentation="0.5")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return job
