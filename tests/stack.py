"""A deployed template.yaml in the local cloud, and shorthands for a user's actions."""

import csv
import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from localcloud.core.cloud import Cloud
from localcloud.deploy import deploy
from tests.settings_and_events import event
from tests.wait import objects, until
from training import jobs, source
from training.datasets import Digits, Splits, idx

ROOT = Path(__file__).parents[1]
STACK_NAME = "digits-test"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.10-cpu-py313"


@dataclass
class Stack:
    """A running cloud with the stack in it, and the stack's outputs."""

    cloud: Cloud
    outputs: dict[str, str]

    @property
    def bucket(self) -> str:
        """The data bucket's name."""
        return self.outputs["BucketName"]

    @property
    def s3(self) -> Any:
        """S3, as the operator."""
        return self.cloud.client("s3")

    @property
    def sagemaker(self) -> Any:
        """SageMaker, as the operator."""
        return self.cloud.client("sagemaker")

    def put(self, key: str, body: bytes) -> str:
        """Write an object; returns its version."""
        version: str = self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)["VersionId"]
        return version

    def objects(self, prefix: str) -> dict[str, bytes]:
        """Every object below a prefix."""
        return objects(self.s3, self.bucket, prefix)

    def versions(self, prefix: str) -> list[tuple[str, str]]:
        """Every version of every object below a prefix: what has ever been written."""
        listed = self.s3.list_object_versions(Bucket=self.bucket, Prefix=prefix).get("Versions", [])
        return sorted((version["Key"], version["VersionId"]) for version in listed)

    def reports(self, batch: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait for a batch's reports, oldest first."""

        def found() -> list[dict[str, Any]] | None:
            objects = self.objects(f"reports/{batch}/")
            reports = [
                json.loads(body) for key, body in sorted(objects.items()) if key.endswith("report.json")
            ]
            return reports if len(reports) >= count else None

        return until(found)

    def predictions(self, report: dict[str, Any]) -> list[dict[str, str]]:
        """The table of a report, as a spreadsheet reads it."""
        (body,) = self.objects(f"reports/{report['batch']}/{report['run']}/predictions.csv").values()
        return list(csv.DictReader(io.StringIO(body.decode())))

    def train(self, name: str, training: Digits, test: Digits, **hyperparameters: str) -> None:
        """Start a training job and wait until its model package is registered."""
        for channel, digits in (("training", training), ("test", test)):
            self.put(f"datasets/test/{channel}/digits-images-idx3-ubyte.gz", idx(digits.images))
            self.put(f"datasets/test/{channel}/digits-labels-idx1-ubyte.gz", idx(digits.labels))
        job = jobs.TrainingJob(
            name=name,
            bucket=self.bucket,
            role=self.outputs["SageMakerRoleArn"],
            image=IMAGE,
            source=source.upload(self.s3, self.bucket),
            channels={name: f"s3://{self.bucket}/datasets/test/{name}/" for name in ("training", "test")},
            hyperparameters=hyperparameters,
            instance_type="ml.m5.large",
        )
        self.sagemaker.create_training_job(**jobs.request(job))
        known = len(self.packages())

        def registered() -> bool:
            described = self.sagemaker.describe_training_job(TrainingJobName=name)
            if described["TrainingJobStatus"] in ("Failed", "Stopped"):
                raise RuntimeError(
                    f"{name}: {described['TrainingJobStatus']}, {described.get('FailureReason')}"
                )
            return len(self.packages()) > known

        until(registered)

    def train_on_few(self, parts: Splits) -> None:
        """Train a model on a few real digits: it is approved where MinimumAccuracy is 0.5."""
        few = parts.training[np.arange(1200)]
        self.train("digits-first", few, parts.test, arch="small", epochs="4", seed="1", threads="1")

    def packages(self) -> list[dict[str, Any]]:
        """The registry's packages, oldest first."""
        listed: list[dict[str, Any]] = self.sagemaker.list_model_packages(
            ModelPackageGroupName=self.outputs["ModelPackageGroupName"], SortOrder="Ascending"
        )["ModelPackageSummaryList"]
        return listed

    def queue_url(self, logical_id: str) -> str:
        """The address of one of the stack's queues."""
        resource = self.cloud.client("cloudformation").describe_stack_resource(
            StackName=STACK_NAME, LogicalResourceId=logical_id
        )
        url: str = resource["StackResourceDetail"]["PhysicalResourceId"]
        return url

    def sweep(self, later: timedelta = timedelta()) -> Any:
        """Invoke the sweep as its schedule does, at a later time; returns Lambda's answer."""
        due = event("scheduled") | {"time": f"{datetime.now(UTC) + later:%Y-%m-%dT%H:%M:%SZ}"}
        return self.cloud.client("lambda").invoke(
            FunctionName="digits-sweep", Payload=json.dumps(due).encode()
        )

    def redrive(self) -> None:
        """Redrive the dead-letter queues."""
        sqs = self.cloud.client("sqs")
        for kind in ("Upload", "Report"):
            letters = self.queue_url(f"{kind}DeadLetters")
            for message in sqs.receive_message(QueueUrl=letters, MaxNumberOfMessages=10).get("Messages", []):
                sqs.send_message(QueueUrl=self.queue_url(f"{kind}Queue"), MessageBody=message["Body"])
                sqs.delete_message(QueueUrl=letters, ReceiptHandle=message["ReceiptHandle"])

    def deliver(self, logical_id: str, message: dict[str, Any]) -> None:
        """Put a message into one of the stack's queues, and wait until the function has taken it."""
        sqs, url = self.cloud.client("sqs"), self.queue_url(logical_id)
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(message))
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

        def taken() -> bool | None:
            counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            return all(counts[name] == "0" for name in names) or None

        until(taken)


def deploy_template(
    request: pytest.FixtureRequest, cloud: Cloud, name: str = STACK_NAME, /, **parameters: str
) -> Stack:
    """Deploy template.yaml; what asks for it has the marker `deploys`, by which permissions are replayed."""
    if request.node.get_closest_marker("deploys") is None:
        pytest.fail(
            f"{request.node.nodeid} deploys template.yaml: expected the marker `deploys`, found none. "
            "Add `pytestmark = pytest.mark.deploys` to the module, in tests/e2e/."
        )
    parameters = {"Name": "digits"} | parameters
    return Stack(cloud, deploy(cloud, ROOT / "template.yaml", name, parameters, ROOT / ".cache"))


def png(digits: Digits, number: int) -> bytes:
    """One image as a PNG file."""
    packed = io.BytesIO()
    Image.fromarray(digits.images[number]).save(packed, format="PNG")
    return packed.getvalue()
