"""Work that lost events leave undone in the local cloud, and the deployed template's sweep."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from moto.sagemaker.models import sagemaker_backends

from batch_prediction.layout import Run
from batch_prediction.runs import decision
from batch_prediction.runs.decision import Refuse
from batch_prediction.runs.reason_codes import ReasonCode
from localcloud.assembly import local_cloud
from localcloud.faults import Faults
from tests.e2e.searches import BAD, search
from tests.stack import Stack, deploy_template
from tests.stub_model import STUCK
from tests.wait import until

pytestmark = pytest.mark.deploys
TRAINING = f"""
import os, pathlib
print("validation-accuracy: 0.99")
print("test-accuracy: 0.98")
folder = pathlib.Path(os.environ["SM_MODEL_DIR"])
(folder / "config.json").write_text("{{}}")
(folder / "code").mkdir()
(folder / "code" / "inference.py").write_bytes({STUCK!r})
"""


@pytest.fixture(scope="module")
def faults() -> Faults:
    """Every event of SageMaker is lost."""
    return Faults(seed=1, lost_events=1.0)


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest, faults: Faults) -> Iterator[Stack]:
    """The stack as template.yaml deploys it, in a cloud that loses every event of SageMaker."""
    with local_cloud(faults=faults) as cloud:
        yield deploy_template(request, cloud, WaitForImagesMinutes="0")


def sweep(stack: Stack, later: timedelta = timedelta(seconds=1)) -> None:
    """A sweep, perhaps at a later time; it doesn't fail."""
    answer = stack.sweep(later)
    assert "FunctionError" not in answer, answer["Payload"].read()


def status(stack: Stack, kind: str, name: str) -> str | None:
    """How a job ended; None while it runs, or isn't there yet."""
    describe = {
        "HyperParameterTuning": stack.sagemaker.describe_hyper_parameter_tuning_job,
        "Training": stack.sagemaker.describe_training_job,
        "Transform": stack.sagemaker.describe_transform_job,
    }[kind]
    try:
        found: str = describe(**{f"{kind}JobName": name})[f"{kind}JobStatus"]
    except stack.sagemaker.exceptions.ClientError:
        return None
    return found if found in ("Completed", "Failed", "Stopped") else None


def drop(stack: Stack, batch: str) -> str:
    """Drop a batch of one image; returns the name of its transform job."""
    stack.put(f"incoming/{batch}/1.png", b"image")
    stack.put(f"incoming/{batch}/manifest.jsonl", b'{"file_name": "1.png", "label": 7}')

    def started() -> str | None:
        jobs = stack.sagemaker.list_transform_jobs()["TransformJobSummaries"]
        for job in jobs:
            name: str = job["TransformJobName"]
            written = stack.sagemaker.describe_transform_job(TransformJobName=name)["TransformOutput"]
            if f"/runs/{batch}/" in written["S3OutputPath"]:
                return name
        return None

    return until(started)


def test_a_search_whose_events_are_lost_becomes_a_model(stack: Stack) -> None:
    """A sweep starts the final training, the next one registers its model, and a third has nothing to do."""
    for channel in ("training", "test"):
        stack.put(f"datasets/few/{channel}/numbers", b"1")
    search(stack, "digits-unheard", TRAINING)
    until(lambda: status(stack, "HyperParameterTuning", "digits-unheard"))
    sweep(stack)
    assert until(lambda: status(stack, "Training", "digits-unheard-final")) == "Completed"
    assert stack.packages() == []
    sweep(stack)
    (package,) = until(stack.packages)
    assert package["ModelApprovalStatus"] == "Approved"
    sweep(stack)
    assert len(stack.packages()) == 1


def test_a_failed_search_is_not_asked_for_again(stack: Stack) -> None:
    """The first sweep has its reason recorded; the next one finds the record."""
    search(stack, "digits-unheard-bad", BAD)
    until(lambda: status(stack, "HyperParameterTuning", "digits-unheard-bad"))
    sweep(stack)
    until(lambda: stack.objects("trials/digits-unheard-bad/failure.json"))
    versions = stack.versions("trials/digits-unheard-bad/failure.json")
    sweep(stack)
    assert stack.versions("trials/digits-unheard-bad/failure.json") == versions


def test_a_job_that_the_service_failed_is_retried(stack: Stack) -> None:
    """The sweep asks for its report, write_report for another attempt, and the second job has the report."""
    name = drop(stack, "again")
    until(lambda: status(stack, "Transform", name))
    record = sagemaker_backends[stack.cloud.account_id][stack.cloud.region].transform_jobs[name]
    record.transform_job_status = "Failed"
    record.failure_reason = "InternalServerError: We encountered an internal error. Please try again."
    sweep(stack)
    assert until(lambda: status(stack, "Transform", f"{name}-2")) == "Completed"
    sweep(stack)
    (report,) = stack.reports("again")
    assert report["transform_job"]["name"] == f"{name}-2"
    assert report["status"] == "Completed"


def let_time_pass(stack: Stack, kind: str, name: str, hours: float) -> None:
    """A job that ended was created, and ended, so many hours earlier."""
    backend = sagemaker_backends[stack.cloud.account_id][stack.cloud.region]
    job = getattr(backend, f"{kind.lower()}_jobs")[name]
    for time in ("creation_time", f"{kind.lower()}_end_time"):
        setattr(job, time, getattr(job, time) - timedelta(hours=hours))


def test_a_run_without_instances_has_another_job_or_is_given_up(
    stack: Stack, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pause is over after an hour, WaitForCapacityHours are after twenty-five: both have their report."""
    with monkeypatch.context() as patch:
        patch.setattr(faults, "shortages", 1.0)
        names = {batch: drop(stack, batch) for batch in ("scarce", "none")}
        until(lambda: all(status(stack, "Transform", name) == "Failed" for name in names.values()))
    for batch, hours in (("scarce", 1), ("none", 25)):
        let_time_pass(stack, "Transform", names[batch], hours)
    sweep(stack)
    assert until(lambda: status(stack, "Transform", f"{names['scarce']}-2")) == "Completed"
    sweep(stack)
    (report,) = stack.reports("scarce")
    assert (report["status"], report["transform_job"]["name"]) == ("Completed", f"{names['scarce']}-2")
    (report,) = stack.reports("none")
    assert (report["status"], report["reason_code"]) == ("Failed", "NO_CAPACITY")
    assert "Unable to provision requested ML compute capacity" in report["reason"]
    assert "gave up after 25.0 hours (the stack's parameter WaitForCapacityHours)" in report["reason"]


def test_a_final_training_without_instances_has_another(
    stack: Stack, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sweep finds the search, the next the training without instances, the third a model to register."""
    search(stack, "digits-scarce", TRAINING)
    until(lambda: status(stack, "HyperParameterTuning", "digits-scarce"))
    with monkeypatch.context() as patch:
        patch.setattr(faults, "shortages", 1.0)
        sweep(stack)
        assert until(lambda: status(stack, "Training", "digits-scarce-final")) == "Failed"
    let_time_pass(stack, "Training", "digits-scarce-final", hours=1)
    before = len(stack.packages())
    sweep(stack)
    assert until(lambda: status(stack, "Training", "digits-scarce-final-2")) == "Completed"
    sweep(stack)
    until(lambda: len(stack.packages()) > before)
    assert until(lambda: stack.objects("models/digits-scarce-final-2/package.json"))
    assert not stack.objects("models/digits-scarce-final/failure.json")


def test_a_job_that_never_ends_is_stopped_and_reported(stack: Stack) -> None:
    """Beyond MaxTransformHours the sweep stops it; then it has a report that says so."""
    name = drop(stack, "stuck")
    sweep(stack)
    assert status(stack, "Transform", name) is None
    sweep(stack, timedelta(hours=6, minutes=5))
    assert until(lambda: status(stack, "Transform", name)) == "Stopped"
    sweep(stack)
    (report,) = stack.reports("stuck")
    assert report["status"] == "Stopped"
    assert report["accuracy"] is None


def test_a_sweep_whose_time_is_short_invokes_itself_until_nothing_is_left(stack: Stack) -> None:
    """A function of a minute has time for one look each: every batch whose event was lost has its report."""
    batches = ("short-1", "short-2", "short-3")
    names = [drop(stack, batch) for batch in batches]
    until(lambda: all(status(stack, "Transform", name) for name in names))
    change = stack.cloud.client("lambda").update_function_configuration
    change(FunctionName="digits-sweep", Timeout=60)
    sweep(stack)
    for batch in batches:
        (report,) = stack.reports(batch)
        assert report["status"] == "Completed"
    change(FunctionName="digits-sweep", Timeout=300)


def test_a_sweep_that_keeps_failing_goes_to_the_dead_letter_queue(stack: Stack) -> None:
    """An event without a time is attempted three times, and kept with its reason."""
    stack.cloud.client("lambda").invoke(
        FunctionName="digits-sweep", InvocationType="Event", Payload=json.dumps({"asked": "nothing"}).encode()
    )
    sqs, url = stack.cloud.client("sqs"), stack.outputs["SweepDeadLettersUrl"]
    (letter,) = until(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
    assert json.loads(letter["Body"])["requestPayload"] == {"asked": "nothing"}


def test_a_message_that_write_report_cannot_read_is_redelivered_and_goes_to_the_dead_letter_queue(
    stack: Stack,
) -> None:
    """The function asks for it again soon each time; after five times it goes to the dead-letter queue."""
    stack.deliver("ReportQueue", {"detail-type": "nothing known", "detail": {}})
    sqs, url = stack.cloud.client("sqs"), stack.outputs["ReportDeadLettersUrl"]
    (letter,) = until(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
    assert json.loads(letter["Body"])["detail-type"] == "nothing known"


def test_images_without_a_manifest_are_reported(stack: Stack) -> None:
    """A quarter of an hour after they came, once; the manifest that comes later starts its own run."""
    stack.put("incoming/forgotten/0/1.png", b"image")
    sweep(stack)
    sweep(stack, timedelta(minutes=16))
    (report,) = stack.reports("forgotten")
    assert (report["status"], report["reason_code"]) == ("Refused", "NO_MANIFEST")
    assert report["reason"].startswith("1 object, e.g. '0/1.png', ")
    sweep(stack, timedelta(minutes=31))
    stack.put("incoming/forgotten/manifest.csv", b"file_name,label\n0/1.png,7\n")

    def decided() -> bool:
        return sum(key.endswith("/run.json") for key in stack.objects("runs/forgotten/")) == 2

    assert until(decided)
    assert stack.reports("forgotten") == [report]


def test_a_report_that_was_not_asked_for_is_asked_for_by_the_next_sweep(stack: Stack) -> None:
    """A sweep took the decision about images without a manifest, and ended before it asked for more."""
    stack.put("incoming/unasked/1.png", b"image")
    uploaded = stack.s3.head_object(Bucket=stack.bucket, Key="incoming/unasked/1.png")["LastModified"]
    run = Run.without_manifest("unasked/", uploaded)
    decision.take(stack.s3, stack.bucket, run, Refuse(0, 0, 0, "by the first", ReasonCode.NO_MANIFEST))
    sweep(stack, timedelta(minutes=16))
    (report,) = stack.reports("unasked")
    assert (report["run"], report["reason"]) == (run.id, "by the first")
