"""A hundred batches over the local cloud with its faults switched on."""

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from localcloud.assembly import local_cloud
from localcloud.faults import Faults
from tests import stub_model
from tests.stack import Stack, deploy_template
from tests.wait import until

pytestmark = pytest.mark.deploys
BATCHES = 100
RATES = {
    "throttling": 0.004,  # the SDK's adaptive mode slows down for long after each
    "limits": 0.2,
    "server_errors": 0.03,
    "lost_answers": 0.03,
    "slow": 0.03,
    "lost_events": 0.2,
}


@pytest.fixture
def faults() -> Faults:
    """Faults that are switched on later."""
    return Faults(seed=7, slow_seconds=0.2)


@pytest.fixture
def stack(request: pytest.FixtureRequest, faults: Faults) -> Iterator[Stack]:
    """The deployed stack with one approved model."""
    with local_cloud(faults=faults) as cloud:
        stack = deploy_template(request, cloud, WaitForImagesMinutes="1")
        stub_model.approve(stack)
        yield stack


def test_a_hundred_batches_have_a_hundred_reports_of_a_hundred_jobs(stack: Stack, faults: Faults) -> None:
    """Whatever is refused, lost or slow, each batch has one transform job and one report about it."""
    for kind, rate in RATES.items():
        setattr(faults, kind, rate)
    for number in range(BATCHES):
        stack.put(f"incoming/b{number}/1.png", b"image")
        stack.put(f"incoming/b{number}/manifest.jsonl", b'{"file_name": "1.png", "label": 7}')

    def reports() -> list[str] | None:
        stack.sweep()
        stack.redrive()
        stack.cloud.stopping.wait(2)
        found = [key for key in stack.objects("reports/") if key.endswith("/report.json")]
        return found if len(found) >= BATCHES else None

    until(reports, seconds=1800)
    for kind in RATES:
        assert faults.counts[kind] > 0, kind
        setattr(faults, kind, 0.0)
    written = [
        json.loads(body) for key, body in stack.objects("reports/").items() if key.endswith("report.json")
    ]
    assert Counter(report["batch"] for report in written) == {f"b{number}": 1 for number in range(BATCHES)}
    pages = stack.sagemaker.get_paginator("list_transform_jobs").paginate()
    jobs = {job["TransformJobName"]: job for page in pages for job in page["TransformJobSummaries"]}
    assert {report["transform_job"]["name"] for report in written} == set(jobs)
    assert len(jobs) == BATCHES
    assert {report["status"] for report in written} == {"Completed"}
    assert all(report["coverage"]["scored"] == 1 for report in written)
