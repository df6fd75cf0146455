"""`digits demo`: the whole of it on this machine, from an empty cloud to a report."""

import io
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image
from rich.console import Console

from batch_prediction.layout import DATASETS, INCOMING, REPORTS
from cli.files import fetch
from cli.stages import Stages
from cli.summary import show
from local import samconfig
from local.cloud import Cloud
from local.deploy import deploy
from local.happenings import Happening
from training import jobs, source
from training.datasets import Digits, Parts, at_hand, idx

ROOT = Path(__file__).parents[1]
STATE = ROOT / ".cache"
# The local cloud pulls no image: register_model reads the registry's host from it.
TRAINING_IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.10-cpu-py313"
# One thread: the same seed then gives the same model on every machine.
HYPERPARAMETERS = {"arch": "small", "threads": "1"}
EPOCHS = {"mnist-sample": "40", "mnist": "2"}
_UPLOADS_AT_ONCE = 8
_LONGEST_WAIT = 900  # seconds

Found = TypeVar("Found")


def run(console: Console, out: Path, images: int, seed: int, keep_running: bool) -> None:
    """Run every stage; StageError when one fails, after showing why."""
    stages = Stages(console)
    with Cloud(listener=lambda happening: stages.news(_line(happening))) as cloud:
        parts, outputs = _prepare(stages, cloud, seed)
        with stages.stage("Train on real MNIST") as stage:
            job = _train(cloud, outputs, parts, seed)
            stage.result = f"{len(parts.training):,} images, {_accuracies(job)}"
        with stages.stage("Register the model") as stage:
            package = _wait("an approved model package", lambda: _approved(cloud, outputs), cloud, outputs)
            stage.result = package.rpartition("model-package/")[2]
        with stages.stage("Drop a batch") as stage:
            batch = f"demo-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
            _drop(cloud, outputs["BucketName"], batch, parts.batch, images, stage.news)
            stage.result = f"{outputs['DropBatchesAt']}{batch}/, {images:,} images and a manifest"
        with stages.stage("Read its report") as stage:
            key = _wait("the report", lambda: _report(cloud, outputs, batch), cloud, outputs)
            files = fetch(cloud.client("s3"), outputs["BucketName"], REPORTS, out)
            stage.result = key
        show(console, json.loads((out / key).read_text()))
        console.print("\nOpen the report, or the index of all runs; the other files are for programs:")
        for file in sorted(files, key=lambda file: file.suffix != ".html"):
            console.print(f"  {file}", soft_wrap=True, highlight=False)
        if keep_running:
            _keep_running(console, cloud, outputs)


def _prepare(stages: Stages, cloud: Cloud, seed: int) -> tuple[Parts, dict[str, str]]:
    with stages.stage("Take the data") as stage:
        parts = at_hand(seed)
        stage.result = f"{parts.name}: {len(parts.training):,} to train on, {len(parts.test):,} to test"
    with stages.stage("Deploy template.yaml") as stage:
        configured = samconfig.read(ROOT / "samconfig.toml", "local")
        outputs = deploy(cloud, ROOT / "template.yaml", configured.stack_name, configured.parameters, STATE)
        stage.result = f"stack {configured.stack_name}, at {cloud.endpoint_url}"
    return parts, outputs


def _train(cloud: Cloud, outputs: dict[str, str], parts: Parts, seed: int) -> dict[str, Any]:
    """Upload data set and code, start a training job and wait for its end."""
    bucket, s3 = outputs["BucketName"], cloud.client("s3")
    channels = {}
    for channel, digits in (("training", parts.training), ("test", parts.test)):
        prefix = f"{DATASETS}{parts.name}/{channel}/"
        s3.put_object(Bucket=bucket, Key=f"{prefix}digits-images-idx3-ubyte.gz", Body=idx(digits.images))
        s3.put_object(Bucket=bucket, Key=f"{prefix}digits-labels-idx1-ubyte.gz", Body=idx(digits.labels))
        channels[channel] = f"s3://{bucket}/{prefix}"
    training = jobs.TrainingJob(
        name=f"{outputs['ModelPackageGroupName']}-demo-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}",
        bucket=bucket,
        role=outputs["SageMakerRoleArn"],
        image=TRAINING_IMAGE,
        source=source.upload(s3, bucket),
        channels=channels,
        hyperparameters={**HYPERPARAMETERS, "epochs": EPOCHS[parts.name], "seed": str(seed)},
        instance_type="ml.m5.large",
    )
    sagemaker = cloud.client("sagemaker")
    sagemaker.create_training_job(**jobs.request(training))

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=training.name)
        if found["TrainingJobStatus"] in ("Failed", "Stopped"):
            raise RuntimeError(
                f"{training.name} is {found['TrainingJobStatus']}: {found.get('FailureReason')}"
            )
        return found if found["TrainingJobStatus"] == "Completed" else None

    return _wait("the training job", ended, cloud, outputs)


def _accuracies(job: dict[str, Any]) -> str:
    metrics = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    return f"validation {metrics['validation-accuracy']:.2%}, test {metrics['test-accuracy']:.2%}"


def _approved(cloud: Cloud, outputs: dict[str, str]) -> str | None:
    packages = cloud.client("sagemaker").list_model_packages(
        ModelPackageGroupName=outputs["ModelPackageGroupName"]
    )["ModelPackageSummaryList"]
    for package in packages:
        arn: str = package["ModelPackageArn"]
        if package["ModelApprovalStatus"] == "Approved":
            return arn
        described = cloud.client("sagemaker").describe_model_package(ModelPackageName=arn)
        raise RuntimeError(f"{arn} waits for a person: {described['ModelPackageDescription']}")
    return None


def _drop(
    cloud: Cloud, bucket: str, batch: str, digits: Digits, images: int, news: Callable[[str], None]
) -> None:
    """Upload the images as PNG files, many at once, and the manifest when all of them are there."""
    s3, folder = cloud.client("s3"), f"{INCOMING}{batch}/"

    def upload(number: int) -> None:
        png = io.BytesIO()
        Image.fromarray(digits.images[number]).save(png, format="PNG")
        s3.put_object(Bucket=bucket, Key=f"{folder}{number:05d}.png", Body=png.getvalue())

    with ThreadPoolExecutor(_UPLOADS_AT_ONCE) as pool:
        for done, _ in enumerate(pool.map(upload, range(images)), start=1):
            news(f"{done:,} of {images:,} images")
    lines = [
        json.dumps({"file_name": f"{number:05d}.png", "label": int(digits.labels[number])})
        for number in range(images)
    ]
    s3.put_object(Bucket=bucket, Key=f"{folder}manifest.jsonl", Body="\n".join(lines).encode())


def _report(cloud: Cloud, outputs: dict[str, str], batch: str) -> str | None:
    listed = cloud.client("s3").list_objects_v2(Bucket=outputs["BucketName"], Prefix=f"{REPORTS}{batch}/")
    keys: list[str] = [entry["Key"] for entry in listed.get("Contents", [])]
    return next((key for key in keys if key.endswith("/report.json")), None)


def _wait(what: str, look: Callable[[], Found | None], cloud: Cloud, outputs: dict[str, str]) -> Found:
    """Look until there is something; an error when a queue has dead letters, or time is up."""
    deadline = time.monotonic() + _LONGEST_WAIT
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        for name in ("UploadDeadLettersUrl", "ReportDeadLettersUrl", "TrainingDeadLettersUrl"):
            messages = cloud.client("sqs").receive_message(QueueUrl=outputs[name]).get("Messages", [])
            if messages:
                raise RuntimeError(f"waiting for {what}: {name} holds {messages[0]['Body'][:2000]}")
        time.sleep(0.3)
    raise TimeoutError(f"expected {what} within {_LONGEST_WAIT} s, found none")


def _line(happening: Happening) -> str:
    return f"{happening.name}: {happening.text}"


def _keep_running(console: Console, cloud: Cloud, outputs: dict[str, str]) -> None:
    console.print(
        f"\nThe local cloud is up until Ctrl-C. From another terminal:\n"
        f"  export AWS_ENDPOINT_URL={cloud.endpoint_url} AWS_DEFAULT_REGION={cloud.region} "
        "AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local\n"
        f"  aws s3 ls s3://{outputs['BucketName']}/reports/ --recursive",
        soft_wrap=True,
        highlight=False,
    )
    while True:
        time.sleep(3600)
