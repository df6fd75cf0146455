"""What the tests of the whole path share."""

import pytest

from training.datasets import Splits, sample


@pytest.fixture(scope="module")
def parts() -> Splits:
    """Real digits: disjoint parts to train on, to test with, and to drop."""
    return sample(seed=1)
