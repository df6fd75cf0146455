"""The local cloud is interrupted while batches are at ten different moments of their way, and goes on.

A request that is held marks a moment: it isn't answered any more before the cloud stops.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

from localcloud.assembly import local_cloud
from localcloud.core.cloud import Cloud
from tests import stub_model
from tests.stack import Stack, deploy_template
from tests.wait import until

pytestmark = pytest.mark.deploys
MANIFEST = b'{"file_name": "1.png", "label": 7}'
FIRST = ("uploading", "waiting", "running", "deciding", "queued", "reporting", "ended")
SECOND = ("unrouted", "created", "reported")


class Held:
    """Requests that are held until the cloud stops, before moto sees them or once it has answered."""

    def __init__(self, cloud: Cloud) -> None:
        self.found: list[str] = []  # the requests that have been held
        self._wanted: list[tuple[Callable[[str], bool], bool]] = []
        self._cloud = cloud
        self._dispatch = cloud.patch(DomainDispatcherApplication, "__call__", self._calling())

    def when(self, wanted: Callable[[str], bool], answered: bool = False) -> None:
        """Hold a request whose description, such as `PUT /bucket/key` or `POST SQS.Send`, is wanted."""
        self._wanted.append((wanted, answered))

    def _calling(self) -> Any:
        def call(app: Any, environ: dict[str, Any], start_response: Any) -> Any:
            target = environ.get("HTTP_X_AMZ_TARGET") or environ["PATH_INFO"]
            request = f"{environ['REQUEST_METHOD']} {target}"
            for wanted, answered in self._wanted:
                if wanted(request):
                    if answered:
                        self._dispatch(app, environ, start_response)
                    self.found.append(request)
                    self._cloud.stopping.wait()
                    raise ConnectionResetError
            return self._dispatch(app, environ, start_response)

        return call


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """As long as this file is there, the job of the batch `running` doesn't end."""
    file = tmp_path / "held"
    file.touch()
    return file


@pytest.fixture
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Stack]]:
    """Starts the cloud with what is kept in the folder `state`, and deploys the stack."""
    running: list[Cloud] = []

    def begin() -> Stack:
        cloud = local_cloud(state=tmp_path / "state")
        cloud.start()
        running.append(cloud)
        return deploy_template(request, cloud)

    yield begin
    for cloud in running:
        cloud.stop()


def drop(stack: Stack, batch: str) -> None:
    """An image and the manifest that names it."""
    stack.put(f"incoming/{batch}/1.png", b"image")
    stack.put(f"incoming/{batch}/manifest.jsonl", MANIFEST)


def statuses(stack: Stack) -> list[str]:
    """The statuses of all transform jobs."""
    return [
        job["TransformJobStatus"] for job in stack.sagemaker.list_transform_jobs()["TransformJobSummaries"]
    ]


def waiting(stack: Stack, logical_id: str) -> int:
    """How many messages a queue has that nobody reads."""
    answer = stack.cloud.client("sqs").get_queue_attributes(
        QueueUrl=stack.queue_url(logical_id), AttributeNames=["All"]
    )["Attributes"]
    return int(answer["ApproximateNumberOfMessages"])


def kept(state: Path) -> dict[str, Any]:
    """What the folder holds now."""
    parts: dict[str, Any] = json.loads((state / "state.json").read_text())["parts"]
    return parts


def first_life(stack: Stack, lock: Path) -> None:
    """Bring a batch to each of seven moments, and stop the cloud as Ctrl-C does."""
    held = Held(stack.cloud)
    inference = stub_model.INFERENCE.replace(
        b"def predict_fn(records, model):",
        b"def predict_fn(records, model):\n"
        b"    import os, time\n"
        b"    while '/running/' in records[0]['source-ref'] and os.path.exists(%r):\n"
        b"        time.sleep(0.05)" % str(lock),
    )
    stub_model.approve(stack, inference)
    stack.put("incoming/uploading/1.png", b"image")
    stack.put("incoming/waiting/manifest.jsonl", MANIFEST)
    drop(stack, "running")
    until(lambda: statuses(stack) == ["InProgress"])
    held.when(lambda request: request.startswith("PUT") and "/reports/reporting/" in request)
    drop(stack, "reporting")
    until(lambda: held.found)
    drop(stack, "ended")
    until(lambda: waiting(stack, "ReportQueue") == 1)
    held.when(lambda request: request.startswith("PUT") and "/runs/deciding/" in request)
    drop(stack, "deciding")
    until(lambda: len(held.found) == 2)
    drop(stack, "queued")
    until(lambda: waiting(stack, "UploadQueue") == 1)
    assert stack.cloud.unfinished() == {"transform job": 1, "waiting message": 5}
    stack.cloud.stop()


def second_life(stack: Stack, state: Path) -> None:
    """Bring batches to three more moments, and leave the folder as a killed program does."""
    until(lambda: {batch for batch, _ in reports(stack)} == {"reporting", "ended", "deciding", "queued"})
    assert statuses(stack).count("InProgress") == 1
    drop(stack, "uploading")
    until(lambda: "uploading" in {batch for batch, _ in reports(stack)})
    held = Held(stack.cloud)
    held.when(
        lambda request: (
            request.startswith("PUT") and "/reports/reported/" in request and request.endswith("report.json")
        ),
        answered=True,
    )
    drop(stack, "reported")
    until(lambda: held.found)
    held.when(lambda request: request.endswith("CreateTransformJob"), answered=True)
    drop(stack, "created")
    until(lambda: len(held.found) == 2)
    held.when(lambda request: request.endswith("SendMessage"))
    drop(stack, "unrouted")
    until(lambda: len(held.found) == 3)
    until(lambda: "/unrouted/manifest.jsonl" in json.dumps(kept(state)["events"]))
    killed = shutil.copytree(state, state.with_name("killed"))
    stack.cloud.stop()
    shutil.rmtree(state)
    killed.rename(state)


def reports(stack: Stack) -> Counter[tuple[str, str]]:
    """How many versions each report.json has, by its batch and its key."""
    keys = [key for key, _ in stack.versions("reports/") if key.endswith("/report.json")]
    return Counter((key.split("/")[1], key) for key in keys)


def test_ten_moments_of_an_interruption_lose_nothing(
    start: Callable[[], Stack], lock: Path, tmp_path: Path
) -> None:
    """Each batch has one report of one job, wherever it was when the cloud was stopped or killed."""
    first_life(start(), lock)
    second_life(start(), tmp_path / "state")
    lock.unlink()
    stack = start()
    stack.put("incoming/waiting/1.png", b"image")
    until(lambda: {batch for batch, _ in reports(stack)} == {*FIRST, *SECOND})
    until(lambda: stack.cloud.unfinished() == {})
    assert set(reports(stack).values()) == {1}
    assert len(reports(stack)) == len(FIRST + SECOND)
    assert statuses(stack) == ["Completed"] * len(FIRST + SECOND)
