"""One fault of each kind at each request of the deployed functions, over the local cloud."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from batch_prediction.runs.next_action import MAX_ATTEMPTS
from localcloud.assembly import local_cloud
from localcloud.core.cloud import Cloud
from localcloud.faults import Faults
from localcloud.lambda_.worker import Worker
from tests import stub_model
from tests.e2e.searches import BAD, search
from tests.faults import fault_plugin
from tests.functions.archives.packed import one_of_a_kind
from tests.request_recorder import Site, call_sites
from tests.settings_and_events import event
from tests.stack import Stack, deploy_template
from tests.wait import until

pytestmark = pytest.mark.deploys
SITES = sorted(site for site in call_sites() if site.file.startswith("functions/"))
PLANNED = {(site, kind) for site in SITES for kind in fault_plugin.KINDS}
ROUNDS = 8  # a site whose requests take effect needs one for each fault after it
GOOD = """
import json, os, pathlib
print("validation-accuracy: 0.99")
print("test-accuracy: 0.98")
config = {"confusion_matrix": [[5] * 10] * 10}
pathlib.Path(os.environ["SM_MODEL_DIR"], "config.json").write_text(json.dumps(config))
"""
RETRIED = "InternalServerError"


@dataclass
class Plan:
    """The folder that the functions' children share."""

    folder: Path

    def plug_in(self, cloud: Cloud) -> None:
        """Let every function that starts from now on load the plan."""
        (self.folder / "sites.json").write_text(json.dumps(SITES))
        shutil.copy(fault_plugin.__file__, self.folder)

        def make(worker: Worker, function: Any) -> dict[str, str]:
            environment: dict[str, str] = original(worker, function)
            return environment | {
                "PYTHONPATH": f"{environment['PYTHONPATH']}:{self.folder}",
                "BOTOCORE_EXPERIMENTAL__PLUGINS": f"planned={Path(fault_plugin.__file__).stem}",
                "PLANNED_FAULTS": str(self.folder),
            }

        original = cloud.patch(Worker, "_make_environment", make)

    @property
    def happened(self) -> set[tuple[Site, str]]:
        """The faults that have happened."""
        names = (file.name.partition("-") for file in self.folder.glob("[0-9]*-*"))
        return {(SITES[int(number)], kind) for number, _, kind in names}

    @property
    def unknown(self) -> list[str]:
        """Requests from places that the sources don't show."""
        return sorted(file.name for file in self.folder.glob("unknown-*"))


@dataclass(frozen=True)
class Batch:
    """Images that are there, images that never come, and lines that can't be used."""

    there: int
    missing: int = 0
    broken: int = 0

    @property
    def coverage(self) -> dict[str, int]:
        """The expected coverage of a completed job: the model answers every request."""
        scored = self.there + self.missing
        unreadable = {"unreadable": self.broken, "missing": 0}
        return {"expected": scored + self.broken, "scored": scored} | unreadable


# Archives, whose names end as their kinds do: no line of one is missing, and none of these can't be used.
ARCHIVES = {"packed.zip": Batch(2), "packed.tar.gz": Batch(2)}
BATCHES = {"plain": Batch(2), "broken": Batch(2, broken=1), "refused": Batch(0, broken=1), "stuck": Batch(1)}
# In the first round, which meets most of the faults: many batches wait for a minute at the same time, and
# each looks for its missing image after a quarter of it.
FIRST = {f"late-{letter}": Batch(1, missing=1) for letter in "abcdefgh"}
FIRST |= {f"plain-{letter}": Batch(2) for letter in "abcdefghij"}


@dataclass
class Round:
    """A batch and a training for each way that one may take; `number` keeps their names apart."""

    stack: Stack
    number: int
    batches: dict[str, Batch] = field(default_factory=dict)

    @property
    def good(self) -> str:
        """A tuning job that completes."""
        return f"digits-good-{self.number}"

    @property
    def bad(self) -> str:
        """A tuning job that fails."""
        return f"digits-bad-{self.number}"

    def begin(self) -> None:
        """Drop the batches, and start the searches."""
        for name, batch in (BATCHES | ({} if self.number else FIRST)).items():
            self.batches[f"{name}-{self.number}"] = batch
            prefix = f"incoming/{name}-{self.number}/"
            names = [f"{image}.png" for image in range(batch.there + batch.missing)]
            for image in names[: batch.there]:
                self.stack.put(f"{prefix}{image}", b"no image")
            lines = [
                json.dumps({"file_name": image, "label": 7 - index}) for index, image in enumerate(names)
            ]
            lines += ["no JSON"] * batch.broken
            self.stack.put(f"{prefix}manifest.jsonl", "\n".join(lines).encode())
        for ending, batch in ARCHIVES.items():
            name = f"{self.number}-{ending}"
            self.batches[name] = batch
            members = {f"{7 - index}/{index}.png": b"no image" for index in range(batch.there)}
            body = one_of_a_kind(ending.partition(".")[2], members)
            self.stack.put(f"incoming/{name}", body)
        search(self.stack, self.good, GOOD)
        search(self.stack, self.bad, BAD)

    def is_over(self) -> bool:
        """Whether all that can come to an end by itself has: let the sweep and a person do their part."""
        self.stack.sweep()
        self.stack.redrive()
        self.stack.cloud.stopping.wait(0.5)
        rest = (batch for batch in self.batches if not batch.startswith("stuck"))
        return (
            all(self.is_reported(batch) for batch in rest)
            and bool(self.stack.objects(f"trials/{self.bad}/failure.json"))
            and packages_of(self.stack, f"{self.good}-final") > 0
        )

    def repeat(self) -> None:
        """Deliver the event of the search that was good again: EventBridge may deliver one twice."""
        again = event("tuning_job_completed")
        again["detail"]["HyperParameterTuningJobName"] = self.good
        self.stack.cloud.client("lambda").invoke(
            FunctionName="digits-train-best-model", InvocationType="Event", Payload=json.dumps(again).encode()
        )

    def is_freed(self) -> bool:
        """Whether the stuck batch has been stopped and reported: for the sweep it is six hours later."""
        self.stack.sweep(timedelta(hours=6, minutes=5))
        self.stack.sweep()
        self.stack.redrive()
        self.stack.cloud.stopping.wait(0.5)
        return self.is_reported(f"stuck-{self.number}")

    def is_reported(self, batch: str) -> bool:
        """Whether a batch has its report."""
        return any(key.endswith("/report.json") for key in self.stack.objects(f"reports/{batch}/"))


def packages_of(stack: Stack, training: str) -> int:
    """How many packages were made of a final training."""
    described = (
        stack.sagemaker.describe_model_package(ModelPackageName=package["ModelPackageArn"])
        for package in stack.packages()
    )
    return sum(
        package.get("CustomerMetadataProperties", {}).get("training_job") == training for package in described
    )


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A plan of which nothing has happened."""
    return Plan(tmp_path)


@pytest.fixture
def stack(request: pytest.FixtureRequest, plan: Plan) -> Iterator[Stack]:
    """The deployed stack with one approved model, in a cloud that loses events and fails jobs, too."""
    with local_cloud(faults=Faults(seed=1, lost_events=0.5, internal_errors=0.4)) as cloud:
        plan.plug_in(cloud)
        stack = deploy_template(request, cloud, WaitForImagesMinutes="1")
        for channel in ("training", "test"):
            stack.put(f"datasets/few/{channel}/numbers", b"1")
        stub_model.approve(stack, stub_model.SURE)
        yield stack


def jobs_of(stack: Stack, batch: str) -> list[dict[str, Any]]:
    """The transform jobs of a batch, the first attempt first."""
    pages = stack.sagemaker.get_paginator("list_transform_jobs").paginate()
    described = (
        stack.sagemaker.describe_transform_job(TransformJobName=job["TransformJobName"])
        for page in pages
        for job in page["TransformJobSummaries"]
    )
    found = [job for job in described if f"/runs/{batch}/" in job["TransformOutput"]["S3OutputPath"]]
    return sorted(found, key=lambda job: job["TransformJobName"])


def check(stack: Stack, name: str, batch: Batch) -> None:
    """One run, one job but for the service's own failures, and one version of one report that says so."""
    written = [key for key, _ in stack.versions(f"reports/{name}/") if key.endswith("/report.json")]
    assert len(written) == 1, name
    (report,) = stack.reports(name)
    jobs = jobs_of(stack, name)
    if name.startswith("refused"):
        assert (report["status"], report["transform_job"], jobs) == ("Refused", None, [])
        return
    *failed, last = jobs
    assert all(job["FailureReason"].startswith(RETRIED) for job in failed)
    assert report["transform_job"]["name"] == last["TransformJobName"]
    assert report["status"] == last["TransformJobStatus"]
    if report["status"] == "Completed":
        assert report["coverage"] == batch.coverage
        assert report["accuracy"]["value"] == 1 / batch.coverage["scored"]
    elif report["status"] == "Failed":
        assert len(failed) == MAX_ATTEMPTS - 1
    assert (report["status"] == "Stopped") == name.startswith("stuck")


def test_a_fault_at_any_request_over_the_local_cloud_costs_nothing(stack: Stack, plan: Plan) -> None:
    """Refused, timed out, its answer lost, or the function gone before or after it: all ends as ever."""
    rounds: list[Round] = []
    while plan.happened != PLANNED and len(rounds) < ROUNDS:
        rounds.append(Round(stack, len(rounds)))
        rounds[-1].begin()
        until(rounds[-1].is_over, seconds=900)
        rounds[-1].repeat()
        until(rounds[-1].is_freed)
    assert PLANNED - plan.happened == set()
    assert plan.unknown == []
    for each in rounds:
        for name, batch in each.batches.items():
            check(stack, name, batch)
        assert packages_of(stack, f"{each.good}-final") == 1
        assert len(stack.versions(f"trials/{each.bad}/failure.json")) == 1
