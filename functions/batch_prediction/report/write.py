"""A run's report: report.json with the figures, predictions.csv with every image, and the pages."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, cast

from batch_prediction.aws import generations, objects, queues
from batch_prediction.aws.capacity import Shortage
from batch_prediction.aws.clients import Clients
from batch_prediction.events import AttemptRequested, Event
from batch_prediction.figures.accuracy import accuracy, by_class, confusions
from batch_prediction.figures.calibration import calibration
from batch_prediction.figures.label_errors import Suspect
from batch_prediction.layout import Run
from batch_prediction.report import (
    announcement,
    expert_figures,
    likeness,
    outcomes,
    outputs,
    pages,
    slices,
    suspected_labels,
)
from batch_prediction.report.content import (
    Calibration,
    ClassFigures,
    Confusion,
    Cost,
    Interval,
    Model,
    Report,
    Time,
    TransformJob,
)
from batch_prediction.report.likeness import Known
from batch_prediction.report.predictions import Tally, tabulate
from batch_prediction.runs import cost, decision, existing_report, state
from batch_prediction.runs.decision import Decision, Refuse, Start
from batch_prediction.runs.next_action import AwaitJob, StartAttempt, WriteReport
from batch_prediction.runs.parts import part_sizes
from batch_prediction.runs.state import RunState
from batch_prediction.settings import Settings

if TYPE_CHECKING:
    from batch_prediction.aws.types import PutObjectRequest, S3Client, TransformJobDescription

SCHEMA = "digit-batch/report/3"


def write_report(aws: Clients, settings: Settings, run: Run) -> bool:
    """Write the report of a run that has ended; whether there was one to write. Safe to repeat.

    A run that needs another transform job is sent to start_transform. A report about a later job replaces one
    about an earlier job or none, and never the other way round. LookupError when nothing was ever decided
    about the run.
    """
    decided = decision.must_read(aws.s3, settings.bucket, run)
    found = state.read(aws, settings.bucket, run, decided)
    match found.next_action:
        case StartAttempt(shortage=shortage):
            queues.send(aws.sqs, settings.upload_queue_url, _another_attempt(run, shortage))
            return False
        case AwaitJob():
            return False
        case WriteReport():
            return _write(aws, settings, run, found)


def _another_attempt(run: Run, shortage: Shortage | None) -> Event:
    """The request for a run's next job; a run that finds no instances has waited since its first such job."""
    if shortage is None:
        return AttemptRequested.message(run)
    return AttemptRequested.message_of_waiting(run, shortage.since, time())


def _write(aws: Clients, settings: Settings, run: Run, found: RunState) -> bool:
    """Write everything of a run's report, and report.json last."""
    bucket = settings.bucket
    existing = existing_report.read(aws.s3, bucket, run)
    if existing.attempts >= len(found.jobs):
        return False
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "predictions.csv")
        tally = _tabulate(aws.s3, bucket, run, found, table)
        suspects = tally.label_errors.suspects()
        report = compose(run, found, tally, likeness.read(aws.s3, bucket, found.decision), suspects)
        uploaded = _upload(aws.s3, bucket, run, table, len(found.jobs))
    if not (uploaded and pages.write(aws.s3, bucket, run, report, len(found.jobs), tally.places)):
        return False  # a delivery that knows of a later job has written it: that one ends the report
    if report["suspected_labels"] and suspects:  # no later attempt follows one that has labelled images
        suspected_labels.write_review(aws.s3, bucket, run, suspects)
    announcement.measure(settings, report)
    announcement.notify_people(aws.sns, settings, run, report)
    return _commit(aws.s3, bucket, run, report, existing.etag, len(found.jobs))


def _upload(s3: "S3Client", bucket: str, run: Run, table: Path, attempts: int) -> bool:
    """Write predictions.csv unless that of a later attempt exists; whether it was written.

    In one request, as boto3's transfers of several know no condition; S3 takes 5 GB, the function's disk 1.
    """
    request: PutObjectRequest = {
        "Bucket": bucket,
        "Key": run.predictions,
        "ContentType": "text/csv; charset=utf-8",
    }
    with table.open("rb") as content:
        return generations.put(s3, request, content, attempts)


def _commit(s3: "S3Client", bucket: str, run: Run, report: Report, etag: str | None, attempts: int) -> bool:
    """Write report.json in the place of the version that was found: if it exists, the report is complete.

    The loser against another delivery, or against its own repeated request, leaves the existing report if
    that is about as many `attempts`.
    """
    body = objects.to_json(report)
    request: PutObjectRequest = {
        "Bucket": bucket,
        "Key": run.report,
        "Body": body,
        "ContentType": objects.JSON,
    }
    if objects.put_if_unchanged(s3, request, etag) is not None:
        return True
    if existing_report.read(s3, bucket, run).attempts < attempts:
        raise RuntimeError(
            f"s3://{bucket}/{run.report}: expected to replace the report that was read, found it changed, "
            "deleted or being written; SQS delivers the message again"
        )
    return False


def compose(
    run: Run, found: RunState, tally: Tally, known: Known, suspects: Sequence[Suspect] = ()
) -> Report:
    """The content of report.json. It has figures only for a run that was completed as a whole."""
    decided, job = found.decision, found.jobs[-1] if found.jobs else None
    outcome = outcomes.outcome(found, tally)
    started = isinstance(decided, Start)
    whole = outcome.status == "Completed"
    matrix = tally.matrix
    interval = accuracy(matrix) if whole else None
    reliability = calibration(tally.right, tally.wrong) if whole else None
    training_mix = known.reference.label_shares if known.reference else None
    estimated, drifted = likeness.compare(tally.doubts, tally.scored if whole else 0, known)
    figures = expert_figures.expert_figures(tally, training_mix) if whole else expert_figures.NONE
    # A model that is unsure of a batch is no witness against its labels.
    suspected = (
        suspected_labels.summary(tally, suspects) if whole and not likeness.is_unlike(drifted) else None
    )
    seconds = cost.time(run.uploaded, job)
    price = (
        cost.cost(decided.price_per_hour, job, decided.lines, decided.requests)
        if isinstance(decided, Start)
        else None
    )
    return {
        "schema": SCHEMA,
        "batch": run.batch,
        "run": run.id,
        "manifest": decided.manifest,
        "read_as": decided.read_as,
        "status": outcome.status,
        "reason": outcome.reason,
        "reason_code": outcome.code,
        "coverage": {
            "expected": decided.lines + decided.left_out,
            "scored": tally.scored,
            "unreadable": tally.unreadable if started else decided.left_out,
            "missing": tally.missing if started else decided.lines,
        },
        "labelled": tally.labelled if whole else 0,
        "bad_labels": decided.bad_labels,
        "accuracy": cast("Interval", asdict(interval)) if interval else None,
        "classes": [cast("ClassFigures", asdict(each)) for each in by_class(matrix)] if whole else [],
        "confusion_matrix": matrix if whole else [],
        "confusions": [cast("Confusion", asdict(each)) for each in confusions(matrix)] if whole else [],
        "calibration": cast("Calibration", asdict(reliability)) if reliability else None,
        "estimate": estimated,
        "drift": drifted,
        **figures,
        "suspected_labels": suspected,
        "slices": slices.by_value(tally, decided) if whole else None,
        "mistakes": [
            {
                "image": image,
                "label": label,
                "prediction": prediction,
                "confidence": confidence,
            }
            for confidence, image, label, prediction in (tally.mistakes if whole else ())
        ],
        "unscored": [
            {"image": image, "label": label, "reason": reason} for image, label, reason in tally.unscored
        ],
        "label_problems": [
            {"line": line, "text": text, "reason": reason} for line, text, reason in tally.label_problems
        ],
        "model": _model(decided),
        "transform_job": _job(job),
        "time": cast("Time", asdict(seconds)) if seconds else None,
        "cost": cast("Cost", asdict(price)) if price else None,
    }


def _tabulate(s3: "S3Client", bucket: str, run: Run, found: RunState, table: Path) -> Tally:
    decided, attempts = found.decision, len(found.jobs)
    sizes = part_sizes(decided.lines) if isinstance(decided, Start) else ()
    left_out = _lines(s3, bucket, run.left_out) if decided.left_out or decided.bad_labels else ()
    keys = outputs.find(s3, bucket, run.output_prefix(attempts)) if attempts else {}
    with table.open("w", encoding="utf-8", newline="") as file:
        return tabulate(
            sizes,
            output=lambda part: outputs.read(s3, bucket, keys, part),
            given=lambda part: _lines_of_input(s3, bucket, run, part),
            left_out=left_out,
            table=file,
            digests=decided.digests if isinstance(decided, Start) else None,
            fields=decided.slices if isinstance(decided, Start) else (),
        )


def _lines_of_input(s3: "S3Client", bucket: str, run: Run, part: int) -> bytes:
    body: bytes = s3.get_object(Bucket=bucket, Key=run.input_part(part))["Body"].read()
    return body


def _lines(s3: "S3Client", bucket: str, key: str) -> Iterator[bytes]:
    return s3.get_object(Bucket=bucket, Key=key)["Body"].iter_lines()


def _model(decided: Decision) -> Model | None:
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


def _job(job: "TransformJobDescription | None") -> TransformJob | None:
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
