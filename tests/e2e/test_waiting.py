"""A manifest before its images, and an account without capacity, over the local cloud."""

from collections.abc import Iterator

import pytest

from localcloud.assembly import local_cloud
from localcloud.faults import Faults
from tests import stub_model
from tests.stack import Stack, deploy_template
from tests.wait import until

pytestmark = pytest.mark.deploys


@pytest.fixture
def faults() -> Faults:
    """Nothing goes wrong before a test says so."""
    return Faults(seed=1)


@pytest.fixture
def stack(request: pytest.FixtureRequest, faults: Faults) -> Iterator[Stack]:
    """The deployed stack with one approved model."""
    with local_cloud(faults=faults) as cloud:
        stack = deploy_template(request, cloud)
        stub_model.approve(stack)
        yield stack


def waiting(stack: Stack, cause: str) -> bool:
    """Whether start_transform has said that a batch waits for something."""
    logs = stack.cloud.client("logs").filter_log_events(logGroupName="/aws/lambda/digits-start-transform")
    return any(f"waiting for {cause}" in event["message"] for event in logs["events"])


def test_batches_wait_for_their_images_and_for_capacity(stack: Stack, faults: Faults) -> None:
    """Both are looked at again half a minute later, and then scored as a whole, by one job each."""
    faults.limits = 1.0
    for batch in ("full", "early"):
        stack.put(f"incoming/{batch}/1.png", b"image")
        manifest = b'{"file_name": "1.png", "label": 7}\n{"file_name": "2.png", "label": 7}'
        if batch == "full":
            stack.put("incoming/full/2.png", b"image")
        stack.put(f"incoming/{batch}/manifest.jsonl", manifest)
    until(lambda: waiting(stack, "images"))
    until(lambda: waiting(stack, "capacity"))
    assert stack.objects("runs/early/") == {}
    faults.limits = 0.0
    stack.put("incoming/early/2.png", b"image")
    for batch in ("full", "early"):
        (report,) = stack.reports(batch)
        assert report["status"] == "Completed"
        assert report["coverage"] == {"expected": 2, "scored": 2, "unreadable": 0, "missing": 0}
    assert len(stack.sagemaker.list_transform_jobs()["TransformJobSummaries"]) == 2
