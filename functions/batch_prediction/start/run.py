"""Start the run of an uploaded manifest: write its input, decide once, and follow the decision."""

from typing import Any

import orjson
from botocore.exceptions import ClientError

from batch_prediction.aws.clients import Clients
from batch_prediction.events import ManifestUploaded, RunEnded, TryWanted
from batch_prediction.layout import Manifest, Run
from batch_prediction.models import registry
from batch_prediction.runs import decision, next_action, transform_job
from batch_prediction.runs.cost import price_per_hour
from batch_prediction.runs.decision import Decision, Refuse, Start
from batch_prediction.settings import Settings
from batch_prediction.start import missing_images, transform_input, waiting
from batch_prediction.start.waiting import (
    CAPACITY,
    IMAGES,
    NotYet,
    Waited,
)


def start(
    aws: Clients,
    settings: Settings,
    wanted: ManifestUploaded | TryWanted,
    waited: Waited = Waited(),  # noqa: B008 (frozen)
) -> tuple[Run, Decision]:
    """Start a run's next transform job, or send it to its report when it gets none. Safe to repeat.

    NotYet when images are missing, or a service is busy, and the run hasn't waited long enough for it.
    """
    try:
        if isinstance(wanted, TryWanted):
            run, decided = wanted.run, _must_be_decided(aws.s3, settings.bucket, wanted.run)
        else:
            run = _run(aws.s3, wanted)
            decided = decision.read(aws.s3, settings.bucket, run) or decision.take(
                aws.s3, settings.bucket, run, _decide(aws, settings, run, wanted, waited)
            )
        if isinstance(decided, Refuse) or not _start_next_try(aws, settings, run, decided, waited):
            aws.sqs.send_message(
                QueueUrl=settings.report_queue_url, MessageBody=orjson.dumps(RunEnded.message(run)).decode()
            )
    except ClientError as error:
        if not waiting.busy(error) or _waited_in_vain(settings, waited):
            raise
        raise NotYet(CAPACITY, str(error)) from error
    return run, decided


def _run(s3: Any, upload: ManifestUploaded) -> Run:
    manifest = Manifest.at(upload.key)
    head = s3.head_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version)
    return Run.of_manifest(manifest.batch, upload.key, upload.version, head["LastModified"])


def _must_be_decided(s3: Any, bucket: str, run: Run) -> Decision:
    decided = decision.read(s3, bucket, run)
    if decided is None:
        raise LookupError(f"s3://{bucket}/{run.decision}: expected the run's decision, found nothing")
    return decided


def _waited_in_vain(settings: Settings, waited: Waited) -> bool:
    return waited.capacity >= waiting.limits(settings)[CAPACITY]


def _decide(aws: Clients, settings: Settings, run: Run, upload: ManifestUploaded, waited: Waited) -> Decision:
    place = upload.bucket, upload.key, upload.version
    if waited.images < waiting.limits(settings)[IMAGES]:
        missing = missing_images.first_missing(aws.s3, *place, settings.max_images)
        if missing is not None:
            raise NotYet(IMAGES, f"s3://{upload.bucket}/{missing} isn't there")
    written = transform_input.write(
        aws.s3, upload.bucket, run, upload.key, upload.version, settings.max_images
    )
    counts = {"lines": written.lines, "labelled": written.labelled, "left_out": written.left_out}
    if written.problem:
        return Refuse(**counts, reason=written.problem)
    if not written.lines:
        return Refuse(
            **counts, reason=f"{upload.key} has no line that can be used; left out: {written.left_out}"
        )
    package = registry.newest_approved(aws.sagemaker, settings.name)
    if package is None:
        return Refuse(
            **counts,
            reason=f"the model package group {settings.name} has no approved package: "
            "approve one, then upload the manifest again",
        )
    return Start(
        **counts,
        model_package=package.arn,
        training_job=package.training_job,
        artifact_sha256=package.artifact_sha256,
        model=transform_job.model_name(settings, package.arn),
        role=settings.sagemaker_role_arn,
        environment=transform_job.environment(settings),
        transform_job=transform_job.job_name(settings, run),
        instance_type=settings.transform_instance_type,
        instance_count=transform_job.instance_count(settings, written.lines),
        price_per_hour=price_per_hour(settings.transform_instance_type, settings.transform_price_per_hour),
        digests=written.digests,
    )


def _start_next_try(aws: Clients, settings: Settings, run: Run, decided: Start, waited: Waited) -> bool:
    """Start the transform job that the run needs, if any; False when it gets none any more."""
    try:
        tries = transform_job.tries(aws.sagemaker, settings.bucket, run, decided)
        if transform_job.next_step(tries) is not next_action.Step.START:
            return True
        if decision.given_up(aws.s3, settings.bucket, run) is not None:
            return False
        reason = _unusable(aws.sagemaker, decided)
        if reason is None:
            transform_job.start(aws.sagemaker, settings.bucket, run, decided, len(tries) + 1)
            return True
    except transform_job.RefusedError as error:
        reason = f"{error}, then upload the manifest again"
    except ClientError as error:
        if not (waiting.busy(error) and _waited_in_vain(settings, waited)):
            raise
        reason = (
            f"gave up after {waited.capacity / 3600:.1f} hours (the stack's parameter "
            f"WaitForCapacityHours); AWS last answered: {error}"
        )
    decision.give_up(aws.s3, settings.bucket, run, reason)
    return False


def _unusable(sagemaker: Any, decided: Start) -> str | None:
    """Why the model package that was chosen can't be used any more; None when it can."""
    package = registry.find(sagemaker, decided.model_package)
    if package and package.status == "Approved":
        return None
    now = package.status if package else "deleted"
    return (
        f"the model package {decided.model_package} was Approved when it was chosen and is {now} now: "
        "upload the manifest again to read it with the newest approved package"
    )
