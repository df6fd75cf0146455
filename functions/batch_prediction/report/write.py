"""A run's report: report.json with the figures, predictions.csv with every image, and the pages."""

import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from botocore.exceptions import ClientError

from batch_prediction.aws.clients import Clients
from batch_prediction.events import TryWanted
from batch_prediction.figures.accuracy import accuracy, by_class, confusions
from batch_prediction.figures.calibration import calibration
from batch_prediction.layout import Run
from batch_prediction.report import announcement, pages
from batch_prediction.report.predictions import CERTAINTY, Tally, tabulate
from batch_prediction.runs import (
    cost,
    decision,
    existing_report,
    transform_job,
)
from batch_prediction.runs.decision import Decision, Refuse, Start
from batch_prediction.runs.next_action import Step
from batch_prediction.settings import Settings
from batch_prediction.start.transform_input import part_sizes

SCHEMA = "digit-batch/report/2"


def write(aws: Clients, settings: Settings, run: Run) -> bool:
    """Write the report of a run that has ended; whether there was one to write. Safe to repeat.

    A run that needs another transform job is sent to start_transform. A report about a later job replaces one
    about an earlier job or none, and never the other way round. LookupError when nothing was ever decided
    about the run.
    """
    bucket = settings.bucket
    decided = decision.read(aws.s3, bucket, run)
    if decided is None:
        raise LookupError(f"s3://{bucket}/{run.decision}: expected the run's decision, found nothing")
    tries, gave_up = list[dict[str, Any]](), None
    if isinstance(decided, Start):
        tries = transform_job.tries(aws.sagemaker, bucket, run, decided)
        step = transform_job.next_step(tries)
        if step is Step.START:
            gave_up = decision.given_up(aws.s3, bucket, run)
            if gave_up is None:
                _ask_for_another_try(aws.sqs, settings, run)
        if step is Step.WAIT or (step is Step.START and gave_up is None):
            return False
    found, version = existing_report.read(aws.s3, bucket, run)
    if existing_report.tries_of(found) >= len(tries):
        return False
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "predictions.csv")
        tally = _tabulate(aws.s3, bucket, run, decided, len(tries), table)
        report = compose(run, decided, tries[-1] if tries else None, tally, gave_up)
        _upload(aws.s3, bucket, run, table)
    pages.write(aws.s3, bucket, run, report)
    announcement.measure(settings, report)
    announcement.tell(aws.sns, settings, run, report)
    return _commit(aws.s3, bucket, run, report, version)


def _ask_for_another_try(sqs: Any, settings: Settings, run: Run) -> None:
    sqs.send_message(
        QueueUrl=settings.upload_queue_url, MessageBody=orjson.dumps(TryWanted.message(run)).decode()
    )


def _upload(s3: Any, bucket: str, run: Run, table: Path) -> None:
    s3.upload_file(str(table), bucket, run.predictions, ExtraArgs={"ContentType": "text/csv; charset=utf-8"})


def _commit(s3: Any, bucket: str, run: Run, report: dict[str, Any], version: str | None) -> bool:
    """Write report.json in the place of the version that stood: where it is, the report is whole.

    Whoever loses against another delivery, or against its own repeated request, leaves what stands if that is
    about as many transform jobs. https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    """
    condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
    body = orjson.dumps(report, option=orjson.OPT_INDENT_2)
    try:
        s3.put_object(Bucket=bucket, Key=run.report, Body=body, ContentType="application/json", **condition)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 412:
            raise
        found, _ = existing_report.read(s3, bucket, run)
        if existing_report.tries_of(found) < existing_report.tries_of(report):
            raise
        return False
    return True


def compose(
    run: Run, decided: Decision, job: dict[str, Any] | None, tally: Tally, gave_up: str | None = None
) -> dict[str, Any]:
    """The content of report.json. Figures stand there only for a run that was completed as a whole."""
    status, reason = _outcome(decided, job, tally, gave_up)
    started = isinstance(decided, Start)
    whole = status == "Completed"
    matrix = tally.matrix
    interval = accuracy(matrix) if whole else None
    reliability = calibration(tally.right, tally.wrong) if whole else None
    time = cost.time(run.uploaded, job)
    price = cost.cost(decided.price_per_hour, job) if isinstance(decided, Start) else None
    return {
        "schema": SCHEMA,
        "batch": run.batch,
        "run": run.id,
        "status": status,
        "reason": reason,
        "coverage": {
            "expected": decided.lines + decided.left_out,
            "scored": tally.scored,
            "unreadable": tally.unreadable if started else decided.left_out,
            "missing": tally.missing if started else decided.lines,
        },
        "labelled": sum(map(sum, matrix)) if whole else 0,
        "accuracy": asdict(interval) if interval else None,
        "classes": [asdict(figures) for figures in by_class(matrix)] if whole else [],
        "confusion_matrix": matrix if whole else [],
        "confusions": [asdict(confusion) for confusion in confusions(matrix)] if whole else [],
        "calibration": asdict(reliability) if reliability else None,
        "mistakes": [
            {"image": image, "label": label, "prediction": prediction, "confidence": certainty / CERTAINTY}
            for certainty, image, label, prediction in (tally.mistakes if whole else ())
        ],
        "unscored": [
            {"image": image, "label": label, "reason": reason} for image, label, reason in tally.unscored
        ],
        "model": _model(decided),
        "transform_job": _job(job),
        "time": asdict(time) if time else None,
        "cost": asdict(price) if price else None,
    }


def _outcome(
    decided: Decision, job: dict[str, Any] | None, tally: Tally, gave_up: str | None
) -> tuple[str, str | None]:
    """How the run ended. Completed is not success: the predictions are counted against the manifest first."""
    if isinstance(decided, Refuse):
        return "Refused", decided.reason
    if job is None:
        return "GaveUp", gave_up
    status = str(job["TransformJobStatus"])
    if status == "Completed":
        return ("Failed", tally.problem) if tally.problem else (status, None)
    reason = job.get("FailureReason") or f"the transform job is {status}, and gives no reason"
    return status, f"{reason}; no other try: {gave_up}" if gave_up else reason


def _tabulate(s3: Any, bucket: str, run: Run, decided: Decision, tries: int, table: Path) -> Tally:
    sizes = part_sizes(decided.lines) if isinstance(decided, Start) else ()
    left_out = _lines(s3, bucket, run.left_out) if decided.left_out else ()
    with table.open("w", encoding="utf-8", newline="") as file:
        return tabulate(
            sizes,
            output=lambda part: _read(s3, bucket, run.output_part(part, tries)) if tries else None,
            given=lambda part: _lines_of_input(s3, bucket, run, part),
            left_out=left_out,
            table=file,
            digests=decided.digests if isinstance(decided, Start) else None,
        )


def _lines_of_input(s3: Any, bucket: str, run: Run, part: int) -> bytes:
    body: bytes = s3.get_object(Bucket=bucket, Key=run.input_part(part))["Body"].read()
    return body


def _read(s3: Any, bucket: str, key: str) -> bytes | None:
    try:
        body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    return body


def _lines(s3: Any, bucket: str, key: str) -> Any:
    return s3.get_object(Bucket=bucket, Key=key)["Body"].iter_lines()


def _model(decided: Decision) -> dict[str, Any] | None:
    if isinstance(decided, Refuse):
        return None
    return {
        "package_arn": decided.model_package,
        "version": _version(decided.model_package),
        "training_job": decided.training_job,
        "artifact_sha256": decided.artifact_sha256,
    }


def _version(package: str) -> int | None:
    """The version at the end of a package's ARN, `…:model-package/<group>/<version>`."""
    version = package.rpartition("/")[2]
    return int(version) if version.isdecimal() else None


def _job(job: dict[str, Any] | None) -> dict[str, Any] | None:
    if job is None:
        return None
    return {
        "name": job["TransformJobName"],
        "status": job["TransformJobStatus"],
        "created": _time(job.get("CreationTime")),
        "started": _time(job.get("TransformStartTime")),
        "ended": _time(job.get("TransformEndTime")),
        "instance_type": job["TransformResources"]["InstanceType"],
        "instance_count": job["TransformResources"]["InstanceCount"],
    }


def _time(value: datetime | None) -> str | None:
    """UTC, to the second, as `2026-11-22T15:40:22Z`."""
    return None if value is None else f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
