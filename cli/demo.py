"""`digits demo`: the whole workflow on this machine, from an empty cloud to a report."""

import io
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from PIL import Image
from rich.console import Console

from batch_prediction.layout import INCOMING, REPORTS
from batch_prediction.models.registry import ModelPackage
from cli import samconfig, trials
from cli.exports import export_lines
from cli.files import fetch
from cli.project import CACHE, SAMCONFIG, TEMPLATE
from cli.stack import Stack, client
from cli.stages import Stages
from cli.summary import show
from cli.watching import final_training, package_of
from localcloud.assembly import local_cloud
from localcloud.core.activity import Activity
from localcloud.core.cloud import Cloud
from localcloud.deploy import deploy
from training import source
from training.datasets import DataSet, Digits, Splits, load_mnist
from training.upload import upload

if TYPE_CHECKING:
    from training import tune

INSTANCE_TYPE = "ml.m5.large"
TRIALS = 2
EPOCHS = {"mnist-sample": 40, "mnist": 2}
# One thread: the same seed then gives the same model on every machine. The mini-batch size suits the sample.
FIXED = {"threads": "1", "batch-size": "128"}
_CONCURRENT_UPLOADS = 8
_MAX_WAIT_SECONDS = 900
_POLL_SECONDS, _DEAD_LETTERS_SECONDS = 0.5, 3.0  # each look takes the processor from what is waited for

Found = TypeVar("Found")


def run(console: Console, out: Path, images: int, seed: int, keep_running: bool) -> None:
    """Run every stage; StageError when one fails, after showing why."""
    stages = Stages(console)
    with local_cloud(listener=lambda activity: stages.news(_line(activity))) as cloud:
        splits, stack = prepare(stages, cloud, seed)
        train(stages, cloud, stack, splits, seed)
        outputs = stack.outputs
        with stages.stage("Drop a batch") as stage:
            batch = f"demo-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
            drop(cloud, outputs["BucketName"], batch, splits.batch, images, stage.news)
            stage.result = f"{outputs['DropBatchesAt']}{batch}/, {images:,} images and a manifest"
        with stages.stage("Read its report") as stage:
            key = wait("the report", lambda: report(cloud, outputs, batch), cloud, outputs)
            files = fetch(cloud.client("s3"), outputs["BucketName"], REPORTS, out)
            stage.result = key
        show(console, json.loads((out / key).read_text()))
        console.print("\nOpen the report, or the index of all runs; the other files are machine-readable:")
        for file in sorted(files, key=lambda file: file.suffix != ".html"):
            console.print(f"  {file}", soft_wrap=True, highlight=False)
        if keep_running:
            _keep_running(console, cloud, stack)


def prepare(stages: Stages, cloud: Cloud, seed: int) -> tuple[Splits, Stack]:
    """Load the data and deploy the stack."""
    with stages.stage("Load the data") as stage:
        splits = load_mnist(seed)
        stage.result = f"{splits.name}: {len(splits.training):,} to train on, {len(splits.test):,} to test"
    with stages.stage("Deploy template.yaml") as stage:
        configured = samconfig.read(SAMCONFIG, "local")
        outputs = deploy(cloud, TEMPLATE, configured.stack_name, configured.parameters, CACHE)
        stage.result = f"stack {configured.stack_name}, at {cloud.endpoint_url}"
    return splits, Stack(configured.stack_name, outputs, configured.parameters)


def train(stages: Stages, cloud: Cloud, stack: Stack, splits: Splits, seed: int) -> None:
    """Search, train the best model, and wait until its package is approved."""
    outputs = stack.outputs
    with stages.stage("Tune on real MNIST") as stage:
        search = _tune(cloud, stack, splits, seed)
        sagemaker = cloud.client("sagemaker")
        best = wait("the trials", lambda: _best(sagemaker, search, stage.news), cloud, outputs)
        stage.result = f"{search.trials} trials, the best with validation accuracy {best.objective:.2%}"
    with stages.stage("Train the best model") as stage:
        job = wait(
            "the final training", lambda: final_training(stack, search.name, stage.news), cloud, outputs
        )
        stage.result = f"{len(splits.training):,} images, {_test_accuracy(job)}"
    with stages.stage("Register the model") as stage:
        package = wait("a model package", lambda: package_of(stack, job, stage.news), cloud, outputs)
        stage.result = _approved(package)


def _tune(cloud: Cloud, stack: Stack, splits: Splits, seed: int) -> "tune.Search":
    """Upload data set and code, and start a tuning job, as `digits dataset` and `digits tune` do."""
    from training import tune  # importing the SDK looks for a profile: the local cloud has isolated it by now

    s3 = cloud.client("s3")
    dataset = DataSet(splits.name, "the demo's part of MNIST", splits.training, splits.test)
    search = tune.Search(
        name=tune.job_name(stack.group, datetime.now(UTC)),
        bucket=stack.bucket,
        role=stack.outputs["SageMakerRoleArn"],
        images=tune.images(cloud.region),
        source=source.upload(s3, stack.bucket),
        training=upload(s3, stack.bucket, dataset).channels["training"],
        instance_type=INSTANCE_TYPE,
        arch="small",
        epochs=EPOCHS[splits.name],
        seed=seed + 1,
        trials=TRIALS,
        parallel=TRIALS,
        fixed=FIXED,
    )
    tune.start(search)
    return search


def _best(sagemaker: Any, search: "tune.Search", news: Callable[[str], None]) -> trials.Trial | None:
    """The best trial of a search that has ended; None until then. RuntimeError if the search failed."""
    job = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=search.name)
    found = trials.listed(sagemaker, search.name)
    status = job["HyperParameterTuningJobStatus"]
    if status == "Completed":
        return found[0]
    if status in trials.ENDED:
        raise RuntimeError(
            f"{search.name}: expected Completed, found {status}: {'; '.join(map(trials.line, found))}"
        )
    news(", ".join(f"{trial.name.removeprefix(search.name)[1:4]}: {trial.status}" for trial in found))
    return None


def _test_accuracy(job: dict[str, Any]) -> str:
    metrics = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    return f"test accuracy {metrics['test-accuracy']:.2%}"


def _approved(package: ModelPackage) -> str:
    """The version of an approved package; RuntimeError for a pending one."""
    if package.status != "Approved":
        described = client("sagemaker").describe_model_package(ModelPackageName=package.arn)
        raise RuntimeError(
            f"{package.arn}: expected Approved, found {package.status}: "
            f"{described['ModelPackageDescription']}"
        )
    return package.arn.rpartition("model-package/")[2]


def drop(
    cloud: Cloud,
    bucket: str,
    batch: str,
    digits: Digits,
    images: int,
    news: Callable[[str], None],
    labelled: bool = True,
) -> None:
    """Upload the images as PNG files, several at a time, and the manifest once all of them are there."""
    s3, folder = cloud.client("s3"), f"{INCOMING}{batch}/"

    def upload(number: int) -> None:
        png = io.BytesIO()
        Image.fromarray(digits.images[number]).save(png, format="PNG")
        s3.put_object(Bucket=bucket, Key=f"{folder}{number:05d}.png", Body=png.getvalue())

    with ThreadPoolExecutor(_CONCURRENT_UPLOADS) as pool:
        for done, _ in enumerate(pool.map(upload, range(images)), start=1):
            news(f"{done:,} of {images:,} images")
    lines = [
        json.dumps(
            {"file_name": f"{number:05d}.png"} | ({"label": int(digits.labels[number])} if labelled else {})
        )
        for number in range(images)
    ]
    s3.put_object(Bucket=bucket, Key=f"{folder}manifest.jsonl", Body="\n".join(lines).encode())


def report(cloud: Cloud, outputs: dict[str, str], batch: str) -> str | None:
    """The key of a batch's report.json, once it is there."""
    listed = cloud.client("s3").list_objects_v2(Bucket=outputs["BucketName"], Prefix=f"{REPORTS}{batch}/")
    keys: list[str] = [entry["Key"] for entry in listed.get("Contents", [])]
    return next((key for key in keys if key.endswith("/report.json")), None)


def wait(what: str, poll: Callable[[], Found | None], cloud: Cloud, outputs: dict[str, str]) -> Found:
    """Poll until there is a result; an error if a dead-letter queue holds a message, or the time is up."""
    deadline = time.monotonic() + _MAX_WAIT_SECONDS
    next_look = time.monotonic()
    while time.monotonic() < deadline:
        if (found := poll()) is not None:
            return found
        if time.monotonic() >= next_look:
            _refuse_dead_letters(what, cloud, outputs)
            next_look = time.monotonic() + _DEAD_LETTERS_SECONDS
        time.sleep(_POLL_SECONDS)
    raise TimeoutError(f"expected {what} within {_MAX_WAIT_SECONDS} s, found none")


def _refuse_dead_letters(what: str, cloud: Cloud, outputs: dict[str, str]) -> None:
    """Raise RuntimeError, with the message, when a dead-letter queue holds one."""
    for name in ("UploadDeadLettersUrl", "ReportDeadLettersUrl", "TrainingDeadLettersUrl"):
        messages = cloud.client("sqs").receive_message(QueueUrl=outputs[name]).get("Messages", [])
        if messages:
            raise RuntimeError(
                f"waiting for {what}: expected no dead letters, {name} holds {messages[0]['Body'][:2000]}"
            )


def _line(activity: Activity) -> str:
    return f"{activity.name}: {activity.text}"


def _keep_running(console: Console, cloud: Cloud, stack: Stack) -> None:
    lines = [
        "",
        "The local cloud runs until Ctrl-C. In another terminal:",
        *export_lines(cloud, stack.name),
        f"  aws s3 ls s3://{stack.bucket}/reports/ --recursive",
    ]
    console.print("\n".join(lines), soft_wrap=True, highlight=False)
    while True:
        time.sleep(3600)
