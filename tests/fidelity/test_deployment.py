"""deployment.py under the real Ray Serve, started as AWS's image starts it."""

import json
import os
import sys
from pathlib import Path

import pytest

import artifact
from model import LABELS, build
from tests.fidelity import ray_container

PREFIX = {"IMAGE_PREFIX": "s3://digits-bucket/incoming/"}
VARIABLES = {
    "SM_RAYSERVE_APP": "deployment:app",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "RAY_USAGE_STATS_ENABLED": "0",
}
ADAPTER = ["sleep", "600"]
# Prints the replicas by their state, once the application runs, or after a minute.
STATES = """
import json, time, ray
from ray import serve
ray.init(address="auto", namespace="serve", log_to_driver=False)
for _ in range(60):
    application = serve.status().applications.get("default")
    if application and application.status == "RUNNING":
        break
    time.sleep(1)
print("by state:", json.dumps(application.deployments["Digits"].replica_states), flush=True)
"""


@pytest.fixture
def untrained(tmp_path: Path) -> Path:
    """An artifact whose network has learned nothing."""
    config = {"arch": "small", "labels": list(LABELS), "mean": 0.13, "std": 0.31}
    artifact.write(tmp_path / "model", build("small").state_dict(), config)
    return tmp_path / "model"


def test_there_is_a_replica_for_each_processor_that_ray_has(untrained: Path) -> None:
    """However many this machine has: none waits for one that Ray can't give it."""
    processors = (os.cpu_count() or 1) + 1
    ended = ray_container.run(untrained, VARIABLES | PREFIX, [sys.executable, "-c", STATES], processors)
    states = ended.log.partition("by state: ")[2].partition("\n")[0]
    assert json.loads(states) == {"RUNNING": processors}, ended.log
    assert ended.exit_code == 0


def test_a_replica_that_cannot_load_ends_the_container_with_its_reason(untrained: Path) -> None:
    """The adapter in the foreground would answer pings with 503 for half an hour."""
    ended = ray_container.run(untrained, VARIABLES, ADAPTER)
    assert "IMAGE_PREFIX: expected s3://bucket/folder/, found ''" in ended.log
    assert ended.exit_code == 143, ended.log  # the adapter's: 128 and SIGTERM


def test_code_that_cannot_be_imported_ends_the_container_with_its_reason(untrained: Path) -> None:
    """An image may lack what an artifact of another time imports."""
    (untrained / "code" / "weights.py").unlink()
    ended = ray_container.run(untrained, VARIABLES | PREFIX, ADAPTER)
    assert "No module named 'weights'" in ended.log
    assert ended.exit_code == 143, ended.log
