"""A dropped batch in a bucket of moto's: its upload, its run, its removal."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from batch_prediction.layout import Run, output_name
from batch_prediction.runs import decision
from batch_prediction.runs.decision import GiveUp
from cli.prove import account
from cli.prove.batch import forty
from cli.prove.dropped import FAILED, MATCHED, NEVER, Dropped, batch_name
from cli.stack import client
from tests.cli.moto_account import deploy, empty_account
from tests.cli.prove.told import STACK
from tests.functions.report.transform_jobs import job as described_job
from tests.functions.start.uploads import DECISION
from tests.settings_and_events import BUCKET


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A stack with a versioned bucket, whose rule has matched one event more at each look."""
    looks = iter(range(1, 100))
    monkeypatch.setattr(account, "rule_metric", lambda *_: float(next(looks)))
    with empty_account(monkeypatch):
        deploy()
        boto3.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield


@pytest.fixture
def dropped() -> Dropped:
    """The batch, not dropped yet."""
    return Dropped(STACK, "prove-1", forty())


RUN = Run("prove-1", "20261122t154022z-1a2b3c4d")


def put(key: str, content: Any) -> None:
    """Write an object."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)


def versions() -> dict[str, str]:
    """The storage class of every version in the bucket, by its key."""
    listed = client("s3").list_object_versions(Bucket=BUCKET)
    return {version["Key"]: version["StorageClass"] for version in listed.get("Versions", [])}


def test_images_come_before_the_manifest(dropped: Dropped) -> None:
    """39 images and the manifest lie in the batch's folder, the archived one as such; AWS's clock counts."""
    assert dropped.began == NEVER
    dropped.drop()
    found = versions()
    assert len(found) == 40
    assert {key for key in found if not key.startswith("incoming/prove-1/")} == set()
    assert [key for key, storage in found.items() if storage == "GLACIER"] == [
        "incoming/prove-1/archived.png"
    ]
    assert set(dropped.images) == set(found) - {"incoming/prove-1/manifest.jsonl"}
    assert abs(dropped.began - datetime.now(UTC)) < timedelta(minutes=1)
    order = client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    assert max(order, key=lambda entry: entry["LastModified"])["Key"] in found


def test_what_the_rule_had_counted_before_is_not_the_batchs(dropped: Dropped) -> None:
    """Metrics are those of a minute: what another batch did in it is taken off."""
    dropped.drop()
    assert dropped.counted == {MATCHED: 1.0, FAILED: 2.0}
    assert dropped.by_rule(MATCHED) == 3.0 - 1.0
    assert dropped.by_rule(FAILED) == 4.0 - 2.0


def test_removal_leaves_the_manifests_alone(dropped: Dropped) -> None:
    """No version of an image is left, no delete marker either; a second removal finds nothing."""
    refused = Dropped(STACK, "prove-1-refused")
    dropped.drop()
    refused.drop_refused()
    assert (dropped.remove(), refused.remove(), dropped.remove()) == (39, 0, 0)
    assert set(versions()) == {"incoming/prove-1/manifest.jsonl", "incoming/prove-1-refused/manifest.csv"}
    assert "DeleteMarkers" not in client("s3").list_object_versions(Bucket=BUCKET)


def test_a_batch_without_a_run_has_nothing(dropped: Dropped) -> None:
    """Before the run there is no decision, job, output or report."""
    assert (dropped.run(), dropped.decision(), dropped.gave_up(), dropped.report()) == (None,) * 4
    assert (dropped.jobs(), dropped.outputs()) == ([], {})


def test_a_run_is_found_by_the_first_object_of_it(dropped: Dropped) -> None:
    """start_transform writes the input before its decision."""
    put(RUN.input_part(0), b"{}\n")
    assert dropped.run() == RUN
    assert dropped.decision() is None
    assert dropped.jobs() == []
    decision.take(client("s3"), BUCKET, RUN, DECISION)
    decision.give_up(client("s3"), BUCKET, RUN, GiveUp("no such image"))
    assert dropped.decision() == DECISION
    assert dropped.gave_up() == GiveUp("no such image")


def test_another_batchs_run_is_not_its_own(dropped: Dropped) -> None:
    """`prove-1-refused` begins like `prove-1`."""
    put(Run("prove-1-refused", RUN.id).input_part(0), b"{}\n")
    assert dropped.run() is None


def test_outputs_are_those_of_the_newest_attempt(dropped: Dropped, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are named by what follows the attempt's prefix, whatever the service makes of the key."""
    for attempt, body in ((1, b"old\n"), (2, b"new\n")):
        put(f"{RUN.output_prefix(attempt)}{output_name(0)}", body)
    monkeypatch.setattr(Dropped, "jobs", lambda _self: [described_job("Failed"), described_job("Completed")])
    assert dropped.outputs() == {"part-00000.jsonl.out": b"new\n"}


def test_a_report_is_read_as_it_is(dropped: Dropped) -> None:
    """Its content is that of report.json."""
    put(RUN.input_part(0), b"{}\n")
    put(RUN.report, {"status": "Completed"})
    report: Any = dropped.report()
    assert report == {"status": "Completed"}


def test_models_and_artifacts_are_looked_for(dropped: Dropped) -> None:
    """What isn't there is told from what is."""
    put("models/m/output/model.tar.gz", b"")
    assert dropped.artifact_exists(f"s3://{BUCKET}/models/m/output/model.tar.gz")
    assert not dropped.artifact_exists(f"s3://{BUCKET}/models/n/output/model.tar.gz")
    assert not dropped.model_exists("digits-1")
    role = "arn:aws:iam::123456789012:role/r"
    client("sagemaker").create_model(ModelName="digits-1", ExecutionRoleArn=role, PrimaryContainer={})
    assert dropped.model_exists("digits-1")


def test_a_batch_is_named_by_the_time() -> None:
    """Its name is one that a manifest's key may have, and says what it was for."""
    assert batch_name().startswith(f"prove-{datetime.now(UTC):%Y%m%d-}")
