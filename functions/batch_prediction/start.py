"""Start the run of an uploaded manifest: write its input, decide once, and follow the decision."""

from typing import Any

import orjson

from batch_prediction import batch_input, decision, registry, transform
from batch_prediction.aws import Clients
from batch_prediction.decision import Decision, Refuse, Start
from batch_prediction.events import ManifestUploaded, RunEnded
from batch_prediction.layout import Manifest, Run
from batch_prediction.settings import Settings
from batch_prediction.spending import price_per_hour


def start(aws: Clients, settings: Settings, upload: ManifestUploaded) -> tuple[Run, Decision]:
    """Start a transform job for a manifest version, or send its refusal to the report. Safe to repeat."""
    run = _run(aws.s3, upload)
    decided = decision.read(aws.s3, upload.bucket, run)
    if decided is None:
        decided = decision.take(aws.s3, upload.bucket, run, _decide(aws, settings, run, upload))
    if isinstance(decided, Start):
        transform.start(aws.sagemaker, settings, run, decided)
    else:
        aws.sqs.send_message(
            QueueUrl=settings.report_queue_url, MessageBody=orjson.dumps(RunEnded.message(run)).decode()
        )
    return run, decided


def _run(s3: Any, upload: ManifestUploaded) -> Run:
    manifest = Manifest.at(upload.key)
    head = s3.head_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version)
    return Run.of_manifest(manifest.batch, upload.key, upload.version, head["LastModified"])


def _decide(aws: Clients, settings: Settings, run: Run, upload: ManifestUploaded) -> Decision:
    written = batch_input.write(aws.s3, upload.bucket, run, upload.key, upload.version, settings.max_images)
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
        model=transform.model_name(settings, package.arn),
        role=settings.sagemaker_role_arn,
        environment=transform.environment(settings),
        transform_job=transform.job_name(settings, run),
        instance_type=settings.transform_instance_type,
        instance_count=transform.instance_count(settings, written.lines),
        price_per_hour=price_per_hour(settings.transform_instance_type, settings.transform_price_per_hour),
    )
