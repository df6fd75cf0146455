"""Runs of all kinds, laid out in moto and reported by the product, for looking at their pages."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import repeat
from typing import Any

from botocore.stub import Stubber
from moto.s3.models import s3_backends

from batch_prediction.aws.clients import Clients
from batch_prediction.layout import INCOMING, Run, output_name, training_reference
from batch_prediction.report import write as report
from batch_prediction.runs import decision, next_action, transform_job
from batch_prediction.runs.decision import Decision, GiveUp, Start
from batch_prediction.runs.reason_codes import ReasonCode
from tests.functions.report.transform_output import answer
from tests.settings_and_events import BUCKET, SETTINGS

BEGAN = datetime(2026, 11, 2, 9, 12, 40, tzinfo=UTC)
PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/digits/{}"


@dataclass
class Sample:
    """One run: `answers` are (label, answer of the model), one an image; `images` are objects by name."""

    batch: str
    answers: Sequence[tuple[int | None, dict[str, Any]]] = field(default_factory=list)
    images: dict[str, bytes] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    fields: Sequence[dict[str, str]] = ()  # other fields of the manifest, one an image
    unsliced: dict[str, str] = field(default_factory=dict)
    left_out: list[dict[str, Any]] = field(default_factory=list)  # of kind `label`: labels that aren't used
    read_as: str | None = None  # what its manifest.csv was recognised as
    number: int = 0  # of the run, in time
    version: int = 1
    status: str = "Completed"
    reason: str | None = None
    refused: str | None = None
    gave_up: str | None = None  # why the run got no job, or none after that which failed for its `reason`
    code: ReasonCode = ReasonCode.UNKNOWN  # of a refusal, or of giving up
    price: float | None = 0.115
    reference: dict[str, Any] | None = None  # of its model

    @property
    def run(self) -> Run:
        """The run, some hours after the one before."""
        uploaded = BEGAN + timedelta(hours=31 * self.number)
        return Run(self.batch, f"{uploaded:%Y%m%dt%H%M%Sz}-{self.number:08x}")

    @property
    def decision(self) -> Decision:
        """What run.json holds."""
        counts: dict[str, Any] = {
            "lines": len(self.answers),
            "labelled": sum(label is not None for label, _ in self.answers),
            "left_out": sum(item.get("kind") != "label" for item in self.left_out),
            "bad_labels": sum(item.get("kind") == "label" for item in self.left_out),
            "manifest": f"incoming/{self.batch}/manifest.csv" if self.read_as else None,
            "read_as": self.read_as,
        }
        if self.refused:
            return decision.Refuse(**counts, reason=self.refused, reason_code=self.code)
        return Start(
            **counts,
            model_package=PACKAGE.format(self.version),
            training_job=f"digits-261101-0{self.version}1500-final",
            artifact_sha256="6f1c5b0e" * 8,
            model="digits-0a1b2c3d4e5f",
            role=SETTINGS.sagemaker_role_arn,
            environment={},
            transform_job=f"digits-{self.run.id}",
            instance_type="ml.m5.large",
            instance_count=1,
            price_per_hour=self.price,
            slices=sorted({name for each in self.fields for name in each}),
            unsliced=self.unsliced,
        )

    @property
    def attempts(self) -> int:
        """How many transform jobs the run has had: one that the service itself failed is attempted again."""
        if self.refused or (self.gave_up and not self.reason):
            return 0
        return next_action.MAX_ATTEMPTS if (self.reason or "").startswith("InternalServerError") else 1

    def job(self, number: int) -> dict[str, Any]:
        """DescribeTransformJob's answer: 11 s of waiting, 4 min 7 s to start, 3 min 36 s at work."""
        created = self.run.uploaded + timedelta(seconds=11)
        decided = self.decision
        assert isinstance(decided, Start)
        name = transform_job.attempt_name(decided, number)
        request = transform_job.job_request(BUCKET, self.run, decided, number)
        return {
            **{name: value for name, value in request.items() if name != "Tags"},
            "TransformJobName": name,
            "TransformJobArn": f"arn:aws:sagemaker:us-east-1:123456789012:transform-job/{name}",
            "TransformJobStatus": self.status,
            "CreationTime": created,
            "TransformStartTime": created + timedelta(seconds=247),
            "TransformEndTime": created + timedelta(seconds=463),
            **({"FailureReason": self.reason} if self.reason else {}),
        }


def report_of(aws: Clients, sample: Sample) -> dict[str, Any]:
    """Lay a run out in the bucket, write its report, and read report.json."""
    run, s3 = sample.run, aws.s3
    aws.sns.create_topic(Name="digits-notifications")  # that of SETTINGS
    folder = f"{INCOMING}{sample.batch}/"
    for name, image in sample.images.items():
        s3.put_object(Bucket=BUCKET, Key=f"{folder}{name}", Body=image)
        stored = s3_backends["123456789012"]["aws"].get_object(BUCKET, f"{folder}{name}")
        assert stored
        stored.last_modified = run.uploaded.replace(tzinfo=None)  # as if it had been uploaded in time
    if sample.reference:
        decided = sample.decision
        assert isinstance(decided, Start)
        assert decided.training_job
        s3.put_object(
            Bucket=BUCKET, Key=training_reference(decided.training_job), Body=json.dumps(sample.reference)
        )
    decision.take(s3, BUCKET, run, sample.decision)
    names = sample.names or [f"{number:05d}.png" for number in range(len(sample.answers))]
    given = [
        {"image": {"source-ref": f"s3://{BUCKET}/{folder}{name}"}}
        | ({} if label is None else {"label": label})
        | ({"fields": fields} if fields else {})
        for name, (label, _), fields in zip(
            names, sample.answers, sample.fields or repeat({}, len(names)), strict=True
        )
    ]
    joined = [
        line | {"SageMakerOutput": answer} for line, (_, answer) in zip(given, sample.answers, strict=True)
    ]
    for part in range(0, len(given), 1000):
        number = part // 1000
        s3.put_object(Bucket=BUCKET, Key=run.input_part(number), Body=_lines(given[part : part + 1000]))
        if sample.status == "Completed" and not sample.reason:
            s3.put_object(
                Bucket=BUCKET,
                Key=run.output_prefix() + output_name(number),
                Body=_lines(joined[part : part + 1000]),
            )
    if sample.left_out:
        s3.put_object(Bucket=BUCKET, Key=run.left_out, Body=_lines(sample.left_out))
    with Stubber(aws.sagemaker) as stub:
        for number in range(1, 1 + sample.attempts):
            stub.add_response("describe_transform_job", sample.job(number))
        if sample.gave_up:
            decision.give_up(s3, BUCKET, run, GiveUp(sample.gave_up, sample.code))
            found = "Could not find requested job with name"
            stub.add_client_error("describe_transform_job", "ValidationException", found)
        assert report.write_report(aws, SETTINGS, run)
    content: dict[str, Any] = json.loads(s3.get_object(Bucket=BUCKET, Key=run.report)["Body"].read())
    return content


def guesses(
    labels: list[int], accuracy: float, seed: int, hard: float = 0.6
) -> list[tuple[int | None, dict[str, Any]]]:
    """Answers of a model of about this accuracy: sure when right, mostly unsure when wrong."""
    chance = random.Random(seed)  # noqa: S311 (digits to guess, no secret)
    likely = {0: 6, 1: 7, 2: 7, 3: 5, 4: 9, 5: 3, 6: 0, 7: 1, 8: 3, 9: 4}
    answers: list[tuple[int | None, dict[str, Any]]] = []
    for label in labels:
        if chance.random() < accuracy:
            found = label, 1 - chance.random() ** 3 * (0.45 if chance.random() < 0.12 else 0.004)
        else:
            other = likely[label] if chance.random() < hard else (label + chance.randrange(1, 10)) % 10
            found = other, chance.uniform(0.4, 0.995)
        answers.append((label, answer(*found, second=label if found[0] != label else None)))
    return answers


def _lines(values: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values).encode()
