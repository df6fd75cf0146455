"""One look at a job that is overdue: whether something is missing, and the request for it, in words."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson

from batch_prediction import layout
from batch_prediction.aws import objects, queues
from batch_prediction.aws.clients import Clients
from batch_prediction.events import RunEnded
from batch_prediction.layout import Run
from batch_prediction.models import final_training
from batch_prediction.runs import decision, existing_report, transform_job
from batch_prediction.runs.decision import Refuse
from batch_prediction.runs.reason_codes import ReasonCode
from batch_prediction.settings import Settings
from batch_prediction.sweep.unstarted import Unstarted

if TYPE_CHECKING:
    from batch_prediction.aws.types import LambdaClient, TransformJobDescription

_SHOWN = 200  # characters of an object's name


def at_running_transform(aws: Clients, settings: Settings, name: str) -> Iterator[str]:
    """Stop a transform job above its limit, if it still runs."""
    described = aws.sagemaker.describe_transform_job(TransformJobName=name)
    if described["TransformJobStatus"] == "InProgress" and _run_of(settings, name, described):
        aws.sagemaker.stop_transform_job(TransformJobName=name)
        yield f"transform job {name} to stop after {settings.max_transform_hours:g} hours"


def at_ended_transform(aws: Clients, settings: Settings, name: str) -> Iterator[str]:
    """Ask for the report of an ended transform job that has none yet.

    A report that gave up, or is about an earlier attempt, isn't about this job.
    """
    found = _run_of(settings, name, aws.sagemaker.describe_transform_job(TransformJobName=name))
    if not found:
        return
    run, attempt = found
    if existing_report.read(aws.s3, settings.bucket, run).attempts < attempt:
        queues.send(aws.sqs, settings.report_queue_url, RunEnded.message(run))
        yield f"report of transform job {name}"


def _run_of(settings: Settings, name: str, described: "TransformJobDescription") -> tuple[Run, int] | None:
    """The run and the attempt that a transform job is; None for a job that isn't this stack's."""
    try:
        run = Run.of_output(described["TransformOutput"]["S3OutputPath"], settings.bucket)
        return run, transform_job.attempt_number(run, name)
    except ValueError:
        return None


def at_tuning(aws: Clients, settings: Settings, name: str, now: datetime) -> Iterator[str]:
    """Repeat the event of an ended tuning job that was followed by neither a final training nor a failure.

    A final training that found no instances is none: another one follows, when its pause is over.
    """
    described = aws.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    written = described.get("TrainingJobDefinition", {}).get("OutputDataConfig", {}).get("S3OutputPath", "")
    if not written.startswith(f"s3://{settings.bucket}/{layout.TRIALS}"):
        return
    if objects.exists(aws.s3, settings.bucket, layout.tuning_failure(name)):
        return
    attempts = final_training.describe_attempts(aws.sagemaker, name)
    if attempts and not final_training.lacked_capacity(attempts[-1]):
        return
    arn, status = described["HyperParameterTuningJobArn"], described["HyperParameterTuningJobStatus"]
    detail = {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobArn": arn,
        "HyperParameterTuningJobStatus": status,
    }
    _repeat(aws.lambda_, f"{settings.name}-train-best-model", "HyperParameter Tuning", arn, detail, now)
    yield f"final training of tuning job {name}"


def at_training(aws: Clients, settings: Settings, name: str, now: datetime) -> Iterator[str]:
    """Repeat the event of an ended final training that was followed by neither a package nor a failure.

    Each counts when people know of it.
    """
    described = aws.sagemaker.describe_training_job(TrainingJobName=name)
    written = described["OutputDataConfig"]["S3OutputPath"]
    if not written.startswith(f"s3://{settings.bucket}/{layout.MODELS}"):
        return  # a trial, or not this stack's
    if final_training.lacked_capacity(described):
        yield from at_tuning(aws, settings, described["Environment"][final_training.TUNING_JOB], now)
        return
    for outcome in (layout.training_package(name), layout.training_failure(name)):
        if objects.exists(aws.s3, settings.bucket, outcome):
            return
    arn = described["TrainingJobArn"]
    detail = {
        "TrainingJobName": name,
        "TrainingJobArn": arn,
        "TrainingJobStatus": described["TrainingJobStatus"],
        "OutputDataConfig": {"S3OutputPath": written},
    }
    _repeat(aws.lambda_, f"{settings.name}-register-model", "Training", arn, detail, now)
    yield f"model package of training job {name}"


def at_unstarted(aws: Clients, settings: Settings, found: Unstarted) -> Iterator[str]:
    """Have a report written about objects from which nothing has started."""
    number = "1 object" if found.objects == 1 else f"{found.objects:,} objects"
    if found.more:
        number = f"more than {number}"
    refusal = Refuse(
        lines=0,
        labelled=0,
        left_out=0,
        reason=f"{number}, e.g. {found.example[:_SHOWN]!r}, and no manifest that starts a run",
        reason_code=ReasonCode.NO_MANIFEST,
    )
    decision.take(aws.s3, settings.bucket, found.run, refusal)
    queues.send(aws.sqs, settings.report_queue_url, RunEnded.message(found.run))
    yield f"report of {number} without a manifest, of the batch {found.run.batch}"


def _repeat(
    lambda_: "LambdaClient", function: str, kind: str, arn: str, detail: Mapping[str, object], now: datetime
) -> None:
    """Invoke a function with the event that it missed.

    Shape: https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
    """
    _, _, _, region, account, _ = arn.split(":", 5)
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": f"SageMaker {kind} Job State Change",
        "source": "aws.sagemaker",
        "account": account,
        "time": f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": region,
        "resources": [arn],
        "detail": detail,
    }
    invoke_later(lambda_, function, event)


def invoke_later(lambda_: "LambdaClient", function: str, event: Mapping[str, object]) -> None:
    """Invoke a function asynchronously: Lambda retries it twice, then the event is in a dead-letter queue."""
    lambda_.invoke(FunctionName=function, InvocationType="Event", Payload=orjson.dumps(event))
