"""Every request that the project sends to AWS, against AWS's service models.

The call sites are read from the sources; each has to be among those that the flows below go through.
"""

import io
import json
import tempfile
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import boto3.s3.inject
import botocore.session
import numpy as np
import pytest
from botocore.stub import Stubber
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws
from rich.console import Console

import register_model
from batch_prediction.aws import clients as functions_aws
from batch_prediction.aws import notify, queues
from batch_prediction.events import IMAGES, ManifestUploaded, Message, SweepDue
from batch_prediction.figures.label_errors import Suspect
from batch_prediction.layout import Manifest, Run, output_name, training_quality, tuning_failure
from batch_prediction.models import (
    failure,
    final_training,
    registration,
    registry,
)
from batch_prediction.models.artifact import Artifact
from batch_prediction.models.best_trial import Trial
from batch_prediction.report import suspected_labels
from batch_prediction.report import write as report
from batch_prediction.runs import decision, transform_job
from batch_prediction.runs.decision import GiveUp, Refuse, Start
from batch_prediction.settings import Settings
from batch_prediction.start import waiting
from batch_prediction.start.missing_images import Missing
from batch_prediction.start.run import start_run
from batch_prediction.sweep import overdue, sweep
from cli import checks, demo, packages, quotas, ready_model, reports, watching
from cli import stack as commands
from cli import tune as tuning_command
from cli.check.command import examined
from cli.check.folder import FolderMembers
from cli.drop import sending
from cli.drop.dropped import Target, key_of
from cli.errors import CommandError
from cli.files import fetch as fetch_files
from cli.prove import account, training_links
from cli.prove.batch import forty
from cli.prove.dropped import Dropped
from cli.prove.links import Broken, Seen
from cli.prove.training_links import Training
from cli.stack import Stack
from inference import fetch
from tests.cli.folders import ALONE, folder
from tests.cli.trials import look
from tests.functions.archives.packed import one_of_a_kind
from tests.functions.decide import decide
from tests.functions.models.training_jobs import CONFIG, completed_job, packed
from tests.functions.models.tuning_jobs import FINAL, TRIAL, TUNING_JOB, described, read, taken
from tests.functions.report.transform_jobs import job as described_job
from tests.functions.start.uploads import DECISION, RUN, job_writing_to, model_of
from tests.made_digits import made_set
from tests.request_recorder import MODELS, TRANSFERS, Recording, Site, call_sites, spied
from tests.service_model import violations
from tests.settings_and_events import BUCKET, SETTINGS, environment, event, use_moto_account
from tests.training.search import SEARCH
from training import jobs, tune
from training.datasets import Digits, Splits
from training.upload import upload


def context() -> Any:
    """What Lambda says about an invocation."""
    return SimpleNamespace(
        function_name="register", memory_limit_in_mb=256, invoked_function_arn="arn", aws_request_id="1"
    )


@pytest.fixture(scope="module")
def recording() -> Recording:
    """All flows, run once in an account of moto's, with every request noted."""
    recording = Recording()
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        use_moto_account(patch)
        for name in TRANSFERS:
            patch.setattr(boto3.s3.inject, name, spied(recording, name))
        session = botocore.session.get_session()
        events: Any = session
        events.register("provide-client-params", recording.request)
        patch.setattr(boto3, "DEFAULT_SESSION", boto3.Session(botocore_session=session))
        flow(patch)
        functions_aws.clients.cache_clear()
    return recording


def flow(patch: pytest.MonkeyPatch) -> None:
    """Train, register, start, refuse and report; drop and read as the demo does."""
    s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
    sqs, sns = boto3.client("sqs"), boto3.client("sns")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    sagemaker.create_model_package_group(ModelPackageGroupName="digits")
    queue = sqs.create_queue(QueueName="reports")["QueueUrl"]
    topic = sns.create_topic(Name="digits-notifications")["TopicArn"]
    changed: dict[str, Any] = {
        "upload_queue_url": queue,
        "report_queue_url": queue,
        "notifications_topic_arn": topic,
    }
    changed |= {"minimum_accuracy": 0.0}
    stack = Settings(**SETTINGS.__dict__ | changed)
    for name, value in environment(stack).items():
        patch.setenv(name, value)
    functions_aws.clients.cache_clear()
    aws = functions_aws.clients()
    notify.notify(aws.sns, topic, "batch b7: Completed", "https://…")
    demo_and_register(stack, queue)
    have_a_model_ready(patch)
    tune_and_train(aws, stack)
    run_and_report(aws, stack)
    wait_and_start_again(aws, stack)
    sweep_all(aws, stack)
    client_side(s3, sagemaker)
    search_and_watch(topic, queue)
    model = SimpleNamespace(prefix=f"s3://{BUCKET}/incoming/", s3=s3)
    image: Any = fetch(model, f"s3://{BUCKET}/incoming/b7/00000.png")  # type: ignore[arg-type] # what fetch reads
    assert image.startswith(b"\x89PNG")


def demo_and_register(stack: Settings, queue: str) -> None:
    """The demo's stages, in a cloud that is moto alone, which tunes nothing; and a training by itself."""
    letters = ("UploadDeadLettersUrl", "ReportDeadLettersUrl", "TrainingDeadLettersUrl")
    outputs = {
        "BucketName": BUCKET,
        "ModelPackageGroupName": "digits",
        "SageMakerRoleArn": stack.sagemaker_role_arn,
        **dict.fromkeys(letters, queue),
    }
    cloud: Any = SimpleNamespace(client=boto3.client, region="us-east-1")
    digits = Digits(np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.uint8))
    demo.drop(cloud, BUCKET, "b7", digits, 1, lambda _text: None)
    search = demo._tune(
        cloud, Stack("digits", outputs), Splits("mnist-sample", digits, digits, digits), seed=1
    )
    with Stubber(boto3.client("sagemaker")) as stub:
        stub.add_response("describe_hyper_parameter_tuning_job", described("InProgress"))
        stub.add_response("list_training_jobs_for_hyper_parameter_tuning_job", {"TrainingJobSummaries": []})
        assert demo._best(stub.client, search, lambda _text: None) is None
    sagemaker = boto3.client("sagemaker")
    job = completed_job("digits-20261122-1400", 0.99)
    source = jobs.TrainingJob(
        name=job["TrainingJobName"],
        bucket=BUCKET,
        role=stack.sagemaker_role_arn,
        image=search.images[final_training.CPU_IMAGE],
        source=search.source,
        channels={"training": search.training},
        hyperparameters={},
        instance_type="ml.m5.large",
    )
    sagemaker.create_training_job(**jobs.request(source))
    answer = sagemaker.describe_training_job(TrainingJobName=source.name)
    where = answer["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
    boto3.client("s3").put_object(Bucket=BUCKET, Key=where[2], Body=packed(CONFIG))
    register_model.handler(event("training_job_completed"), context())
    (summary,) = sagemaker.list_model_packages(ModelPackageGroupName="digits")["ModelPackageSummaryList"]
    arn = summary["ModelPackageArn"]
    with pytest.raises(RuntimeError, match="expected Approved, found PendingManualApproval"):
        demo._approved(registry.describe(sagemaker, arn))
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    looks = iter([None, registry.describe(sagemaker, arn)])
    found = demo.wait("a package", lambda: next(looks), cloud, outputs)
    assert demo._approved(found) == "digits/1"


def have_a_model_ready(patch: pytest.MonkeyPatch) -> None:
    """A model of the demo for a group that has none: trained for one stack, and kept for the next."""
    cloud: Any = SimpleNamespace(client=boto3.client)
    sagemaker = boto3.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="ready")
    stack = Stack("ready", {"BucketName": BUCKET, "ModelPackageGroupName": "ready"})
    looks = iter([None, registry.newest_approved(sagemaker, "digits"), None])
    patch.setattr(ready_model, "newest_approved", lambda *_: next(looks))
    patch.setattr(demo, "train", lambda *_: None)
    boto3.client("s3").put_object(Bucket=BUCKET, Key=training_quality(FINAL), Body=b"{}")
    keep, job = ready_model.KeptModel.keep, {"CustomerMetadataProperties": {"training_job": FINAL}}

    def kept(model: ready_model.KeptModel, where: Any, bucket: str, package: dict[str, Any]) -> None:
        keep(model, where, bucket, package | job)  # moto doesn't keep the job

    patch.setattr(ready_model.KeptModel, "keep", kept)
    with tempfile.TemporaryDirectory() as state:
        for _ in range(2):
            ready_model.provide(Console(quiet=True), cloud, stack, Path(state))
    assert registry.newest_approved(sagemaker, "ready")


def tune_and_train(aws: functions_aws.Clients, stack: Settings) -> None:
    """A final training that is started, one whose name is taken, its model, and a search that failed."""
    sagemaker, ours = aws.sagemaker, final_training.request(stack, described(), TRIAL)
    arn = "arn:aws:sagemaker:us-east-1:123456789012:training-job/x"
    with Stubber(sagemaker) as stub:
        read(stub, rival=Trial(f"{TUNING_JOB}-002-ffffffff", {"learning-rate": "0.02"}))
        stub.add_response("create_training_job", {"TrainingJobArn": arn})
        final_training.start(aws, stack, TUNING_JOB)
    assert taken(aws, stack, {name: ours[name] for name in ("OutputDataConfig", "Environment")}) == FINAL
    sagemaker.create_training_job(**ours | {"TrainingJobName": ours["Environment"]["DIGITS_BEST_TRIAL"]})
    final = completed_job(FINAL, 0.99) | {
        name: ours[name] for name in ("Environment", "InputDataConfig", "HyperParameters")
    }
    aws.s3.put_object(Bucket=BUCKET, Key=f"models/{FINAL}/output/model.tar.gz", Body=packed(CONFIG))
    registration.register(aws, stack, final)
    for _once in range(2):
        failure.record(aws, stack, tuning_failure(TUNING_JOB), TUNING_JOB, "Failed", "no trial")


def client_side(s3: Any, sagemaker: Any) -> None:
    """A data set that is new, there, and changed; a version that a person approves."""
    first, other = made_set(seed=1), made_set(seed=3)
    sent = [len(upload(s3, BUCKET, dataset).sent) for dataset in (first, first, other)]
    assert sent == [5, 0, 3]  # the labels stay
    newest, *_ = packages.summaries(sagemaker, "digits")
    package = packages.describe(sagemaker, newest["ModelPackageArn"])
    packages.decide(sagemaker, package, packages.APPROVED, packages.reason_of("looked at its mistakes"))
    assert packages.scoring_version(packages.summaries(sagemaker, "digits")) == package.version


def search_and_watch(topic: str, queue: str) -> None:
    """A search as `digits tune` starts and watches it, and a stack as `digits doctor` looks at it."""
    commands.client.cache_clear()
    outputs = {"BucketName": BUCKET, "ModelPackageGroupName": "digits", "DeadLettersUrl": queue}
    deployed = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    boto3.client("cloudformation").create_stack(StackName="digits", TemplateBody=json.dumps(deployed))
    stack = commands.find("digits")
    with pytest.raises(CommandError, match="no trial"):
        watching.final_training(stack, TUNING_JOB, print)
    with pytest.raises(CommandError, match="Data sets in the bucket: made, mnist-sample"):
        tuning_command._training_images(Console(), stack, "absent")
    tune.start(tune.Search(**SEARCH))
    with Stubber(commands.client("sagemaker")) as stub:
        look(stub, "Completed", [])
        watching.search(Console(file=io.StringIO()), TUNING_JOB)
    package: Any = registry.newest_approved(commands.client("sagemaker"), "digits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watching, "final_training", lambda *_: {"TrainingJobName": FINAL})
        patch.setattr(watching, "package_of", lambda *_: package)
        patch.setattr(watching, "search", lambda *_: None)
        watching.follow(Console(file=io.StringIO()), stack, TUNING_JOB)
    assert checks.credentials().mark is checks.Mark.OK
    assert [finding.mark for finding in checks.events(stack)] == [checks.Mark.ERROR]
    assert [finding.mark for finding in checks.dead_letters(stack)] == [checks.Mark.WARNING]
    assert checks._subscription(topic, "a@example.org").mark is checks.Mark.WARNING
    with Stubber(commands.client("service-quotas")) as stub:
        for operation in ("list_service_quotas", "list_aws_default_service_quotas"):
            stub.add_response(operation, {"Quotas": []})
        assert quotas.quotas(commands.client("service-quotas"), {"x"}) == {}
    check_and_drop(stack)
    prove(stack, topic, package.arn)
    commands.client.cache_clear()


def check_and_drop(stack: Stack) -> None:
    """What lies in the bucket is checked; a folder is dropped packed, loose, and in parts."""
    with tempfile.TemporaryDirectory() as where:
        path, name = folder(Path(where) / "b8", ALONE), "dropped"
        (path / "manifest.jsonl").write_text('{"file_name": "0.png", "label": 7}')
        parameters = {"MaxImages": "10"}
        found, members = examined(str(path), parameters)
        assert isinstance(members, FolderMembers)
        bars: Any = lambda _what, in_bytes=False: nullcontext(lambda _done, _of: None)  # noqa: E731 (a stub)
        s3 = commands.client("s3")
        packed = Target(s3, stack.bucket, key_of(name, ".zip"), again=False)
        dropped = packed.drop_packed(members, found, bars)
        assert dropped.run(s3, stack.bucket).batch == "dropped.zip"
        Target(s3, stack.bucket, key_of(name, ""), again=False).drop_loose(members, found, bars)
    for key in (packed.key, "incoming/dropped/manifest.jsonl"):
        found, _ = examined(f"s3://{stack.bucket}/{key}", parameters)
        assert (found.refused, found.images) == (None, 1)
    file = io.BytesIO(bytes(11 * 1024**2))
    content = sending.Content.of(file)
    sending.send(s3, stack.bucket, "incoming/other.zip", file, content, lambda _done, _of: None)
    interrupted = s3.create_multipart_upload(Bucket=stack.bucket, Key="incoming/large.zip")["UploadId"]
    s3.upload_part(
        Bucket=stack.bucket,
        Key="incoming/large.zip",
        UploadId=interrupted,
        PartNumber=1,
        Body=bytes(8 * 1024**2),
    )
    sending.send(s3, stack.bucket, "incoming/large.zip", file, content, lambda _done, _of: None)


def prove(stack: Stack, topic: str, package: str) -> None:
    """A batch that `digits prove` drops, each thing that it looks for, and its removal."""
    client, now = commands.client, datetime.now(UTC)
    proven = replace(stack, outputs=stack.outputs | {"NotificationsTopicArn": topic})
    batch, training = Dropped(proven, "prove-1", forty()), Training(proven, "made", now, TUNING_JOB)
    rule = {
        "LogicalResourceId": "UploadRule",
        "PhysicalResourceId": "digits-UploadRule-1",
        "ResourceType": "AWS::Events::Rule",
        "LastUpdatedTimestamp": now,
        "ResourceStatus": "CREATE_COMPLETE",
    }
    with Stubber(client("cloudformation")) as stub:
        for _metric in range(2):
            stub.add_response("describe_stack_resource", {"StackResourceDetail": rule})
        batch.drop()
    assert batch.run() is None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Dropped, "run", lambda _self: RUN)
        patch.setattr(Dropped, "jobs", lambda _self: [described_job("Completed")])
        assert set(batch.outputs()) == {"part-00000.jsonl.out"}
    assert not batch.model_exists("absent")
    assert batch.artifact_exists(account.artifact_of(package))
    assert account.lines("/aws/lambda/absent", now, "stream") == []
    assert account.streams("/aws/lambda/absent", "stream") == []
    assert account.subscriptions(proven) == []
    assert isinstance(training_links.images(training), Seen)
    with Stubber(client("sagemaker")) as stub:
        look(stub, "Completed", [])
        assert isinstance(training_links.search(training), Broken)
    client("s3").put_object(Bucket=BUCKET, Key=f"trials/{TUNING_JOB}/t/output/model.tar.gz", Body=b"")
    assert len(training._remove_trials()) == 1
    assert batch.remove() == 39


def run_and_report(aws: functions_aws.Clients, stack: Settings) -> None:
    """A run that is started and one that is refused, with names free and taken, and their reports."""
    manifest, image = "incoming/b7/manifest.jsonl", {"7/00000.png": b"1"}
    uploads: list[tuple[str, bytes, type]] = [
        ("incoming/b7.zip", one_of_a_kind("zip", image), Start),
        ("incoming/b7.tgz", one_of_a_kind("tar.gz", image), Start),
        (manifest, b'{"file_name": "00000.png"}\nbroken', Start),
        (manifest, b"broken", Refuse),
    ]
    for key, body, kind in uploads:
        version = aws.s3.put_object(Bucket=BUCKET, Key=key, Body=body)["VersionId"]
        run, decided = decide(aws, stack, ManifestUploaded(BUCKET, key, version))
        assert isinstance(decided, kind)
        assert report.write_report(aws, stack, run)
    cloud: Any = SimpleNamespace(client=boto3.client)
    found = demo.report(cloud, {"BucketName": BUCKET}, "b7")
    assert found is not None
    with tempfile.TemporaryDirectory() as out:
        files = fetch_files(aws.s3, BUCKET, found.rpartition("/")[0] + "/", Path(out))
        assert {file.name for file in files} == {"report.json", "report.html", "predictions.csv"}
    run = reports.chosen(aws.s3, BUCKET, "b7", None)
    assert json.loads(reports.report(aws.s3, BUCKET, run))["batch"] == "b7"
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error("create_model", "ValidationException", "Cannot create already existing model")
        stub.add_response("describe_model", model_of(DECISION.model_package))
        stub.add_client_error("create_transform_job", "ResourceInUse")
        stub.add_response("describe_transform_job", job_writing_to(f"s3://{BUCKET}/{RUN.output_prefix()}"))
        transform_job.start(aws.sagemaker, BUCKET, RUN, DECISION)
    decision.take(aws.s3, BUCKET, RUN, DECISION)
    aws.s3.put_object(Bucket=BUCKET, Key=RUN.input_part(0), Body=b'{"image":{"source-ref":"s3://b/k"}}\n')
    misread = {"image": {"source-ref": f"s3://{BUCKET}/incoming/b7/00000.png"}, "label": 7}
    answered = json.dumps(misread | {"SageMakerOutput": {"label": 1, "confidence": 0.5}})
    for status in ("Failed", "Completed"):  # without any output, and with a misread image
        with Stubber(aws.sagemaker) as stub:
            stub.add_response("describe_transform_job", described_job("Completed"))
            assert report.write_report(aws, SETTINGS, RUN)
        assert json.loads(reports.report(aws.s3, BUCKET, RUN))["status"] == status
        suspected_labels.write_review(aws.s3, BUCKET, RUN, [Suspect("s3://b/k", 7, 1, 0.01, 0.98)])
        aws.s3.delete_object(Bucket=BUCKET, Key=RUN.report)
        aws.s3.put_object(
            Bucket=BUCKET, Key=RUN.output_prefix() + output_name(0), Body=f"{answered}\n".encode()
        )


def wait_and_start_again(aws: functions_aws.Clients, stack: Settings) -> None:
    """A run whose images are looked for, one that waits, one that comes back, is retried and given up."""
    key = "incoming/b7/manifest.jsonl"
    version = aws.s3.put_object(Bucket=BUCKET, Key=key, Body=b'{"file_name": "00000.png"}')["VersionId"]
    patient, uploaded = replace(stack, wait_for_images_minutes=1), ManifestUploaded(BUCKET, key, version)
    start_run(aws, patient, uploaded, waiting.WaitTimes(only_for="incoming/b7/absent.png"))
    start_run(aws, patient, uploaded)
    waits = Message('{"detail-type": "Object Created"}', "handle", deliveries=1, received=0.0)
    waiting.send_again(
        aws.sqs, stack, waits, waiting.StillWaiting(IMAGES, "a gap", missing=Missing(1, 2, key))
    )
    with (
        pytest.raises(LookupError),
        queues.shorten_visibility_on_error(aws.sqs, stack.upload_queue_url, waits),
    ):
        raise LookupError
    for given_up in (False, True):
        with Stubber(aws.sagemaker) as stub:
            failed = described_job("Failed", "InternalServerError: We encountered an internal error.")
            stub.add_response("describe_transform_job", failed)
            stub.add_client_error("describe_transform_job", "ValidationException", "Could not find it")
            assert report.write_report(aws, stack, RUN) is given_up  # first, another attempt is requested
        if not given_up:
            decision.give_up(aws.s3, BUCKET, RUN, GiveUp("no capacity"))


def sweep_all(aws: functions_aws.Clients, stack: Settings) -> None:
    """A job to stop, a report, a final training and a package that are overdue; a sweep without time."""
    now = datetime(2026, 11, 22, 16, tzinfo=UTC)
    ended, arn = now - timedelta(minutes=5), "arn:aws:sagemaker:us-east-1:123456789012:x/digits-261122"
    times = {"CreationTime": now - timedelta(hours=6, minutes=5), "LastModifiedTime": ended}

    def summary(kind: str, status: str, name: str = "digits-261122") -> dict[str, Any]:
        job = {f"{kind}JobName": name, f"{kind}JobArn": arn, f"{kind}JobStatus": status}
        tuned = {"Strategy": "Bayesian", "TrainingJobStatusCounters": {}, "ObjectiveStatusCounters": {}}
        return {f"{kind}JobSummaries": [job | times | (tuned if kind == "HyperParameterTuning" else {})]}

    run = Run("b7", "20261122t154022z-00000000")
    final = completed_job("digits-261122-final", 0.99) | {
        "SecondaryStatus": "Completed",
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models/"},
    }
    with Stubber(aws.sagemaker) as stub, Stubber(aws.lambda_) as functions:
        for _function in range(3):
            functions.add_response("invoke", {"StatusCode": 202})
        for seconds_left, requested in ((300.0, 4), (0.0, 1)):
            for _mark in overdue.MARKS:
                running = summary("Transform", "InProgress", f"digits-{run.id}")
                stub.add_response("list_transform_jobs", running)
            stub.add_response(
                "list_hyper_parameter_tuning_jobs", summary("HyperParameterTuning", "Completed")
            )
            stub.add_response("list_training_jobs", summary("Training", "Completed", "digits-261122-final"))
            for _mark in overdue.MARKS:
                stub.add_response(
                    "list_transform_jobs", summary("Transform", "Completed", f"digits-{run.id}")
                )
            stub.add_response("describe_transform_job", described_job("InProgress", run=run))
            stub.add_response("stop_transform_job", {})
            if requested > 1:
                stub.add_response("describe_hyper_parameter_tuning_job", described())
                missing = ("ValidationException", "Requested resource not found.")
                stub.add_client_error("describe_training_job", *missing)
                stub.add_response("describe_training_job", final)
                stub.add_response("describe_transform_job", described_job("Completed", run=run))
            assert len(sweep.sweep(aws, stack, SweepDue(now), iter([seconds_left] * 4).__next__)) == requested
        stub.assert_no_pending_responses()
        functions.assert_no_pending_responses()


def test_every_request_is_one_that_aws_accepts(recording: Recording) -> None:
    """Members, types, names, patterns, lengths, numbers and words are those of AWS's service models."""
    refused = [
        line
        for service, operation, parameters in recording.requests
        for line in violations(MODELS[service].operation_model(operation), parameters)
    ]
    assert refused == []


def test_every_call_site_is_among_the_requests_that_were_checked(recording: Recording) -> None:
    """No place in functions/, training/ and cli/ makes a request that the flows leave out."""
    assert call_sites() - recording.sites == set()
    assert len(call_sites()) > 20


def test_the_sources_show_every_call_site(recording: Recording) -> None:
    """No request comes from a place that the sources don't show, but for the SageMaker SDK's."""
    hidden = {site for site in recording.sites - call_sites() if site.file != "training/tune.py"}
    assert hidden == set()


def test_the_sdks_request_is_among_those_that_were_checked(recording: Recording) -> None:
    """The SageMaker SDK makes it, so no call site in the sources names it."""
    assert Site("training/tune.py", "start", "CreateHyperParameterTuningJob") in recording.sites


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"TransformJobName": "x" * 64}, "expected 1 to 63, found 64"),
        ({"TransformJobName": "under_score"}, "doesn't match"),
        ({"BatchStrategy": "ManyRecords"}, "isn't one of MultiRecord, SingleRecord"),
        ({"MaxPayloadInMB": -1}, "valid min value: 0"),
        ({"ModelClientConfig": {"InvocationsMaxRetries": 4}}, "expected 0 to 3, found 4"),
        ({"DataProcessing": {"InputFilter": "$." + "x" * 62}}, "expected 0 to 63, found 64"),
        ({"Environment": {"1-A": "x"}}, "doesn't match"),
        ({"ModelName": None}, "Invalid type"),
        ({"Modelname": "x"}, "Unknown parameter"),
    ],
)
def test_a_wrong_request_is_reported(changes: dict[str, Any], why: str) -> None:
    """The check sees what AWS would refuse, also where botocore sends it."""
    request = transform_job.job_request(BUCKET, RUN, DECISION) | changes
    found = violations(MODELS["sagemaker"].operation_model("CreateTransformJob"), request)
    assert any(why in line for line in found)


NAMES = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\\"), min_size=1, max_size=200
)


@given(batch=NAMES, form=st.sampled_from(["jsonl", "csv"]))
def test_a_batch_of_any_name_makes_a_job_that_aws_accepts(batch: str, form: str) -> None:
    """Whatever key S3's event names, the transform job of its run has a valid name and valid addresses."""
    key = f"incoming/{batch}/manifest.{form}"
    try:
        manifest = Manifest.at(key)
    except ValueError:
        return
    run = Run.of_manifest(manifest.batch, key, "v", described_job("Completed")["CreationTime"])
    request: Any = transform_job.job_request(BUCKET, run, DECISION) | {
        "TransformJobName": transform_job.job_name(SETTINGS, run)
    }
    assert violations(MODELS["sagemaker"].operation_model("CreateTransformJob"), request) == []


@given(st.dictionaries(st.text(max_size=256), st.text(max_size=300), max_size=60))
@settings(suppress_health_check=[HealthCheck.too_slow])  # 60 texts of 300 characters take long to make
def test_any_hyperparameters_make_a_package_that_aws_accepts(hyperparameters: dict[str, str]) -> None:
    """The registry's metadata has a narrower alphabet than hyperparameters: what it refuses is replaced."""
    job = completed_job("digits-1", 0.99) | {"HyperParameters": hyperparameters}
    nowhere: Any = None  # the job has no data set to look up
    request = {
        "CustomerMetadataProperties": registration.metadata(
            registration._known(nowhere, job, {"test-accuracy": 1e-05}, Artifact("0" * 64, {}))
        ),
        "ModelPackageGroupName": "digits",
    }
    assert violations(MODELS["sagemaker"].operation_model("CreateModelPackage"), request) == []
    assert request["CustomerMetadataProperties"]["training_job"] == "digits-1"  # type: ignore[index] # a mapping
