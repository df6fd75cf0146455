"""What lost events left undone: ended jobs without their successor, and jobs that never end.

Nothing is done here. A run's report is asked for, a training function is invoked with the event that it
missed, a job that runs too long is stopped. All of it is safe to repeat, and little of it is repeated: a job
is looked at when its end, or the end of its time, is 0, 15, 30 minutes, 1, 2, 4 … 64 hours ago, at most ten
times. What keeps failing gets no more attention than that; it is in a dead-letter queue, whose alarm notifies
people.
"""

import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict, cast

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from batch_prediction import layout
from batch_prediction.aws import objects, queues
from batch_prediction.aws.clients import Clients
from batch_prediction.aws.sagemaker import describe_or_none
from batch_prediction.events import RunEnded
from batch_prediction.layout import Run
from batch_prediction.models import final_training, registry
from batch_prediction.runs import existing_report, transform_job
from batch_prediction.runs.next_action import ENDED
from batch_prediction.settings import Settings

if TYPE_CHECKING:
    from batch_prediction.aws.types import LambdaClient, SageMakerClient

PERIOD = timedelta(minutes=15)  # between two sweeps; template.yaml, Sweep
WINDOW = timedelta(days=3)
_MARKS = (timedelta(), *(PERIOD * 2**power for power in range(9)))  # 0, 15 minutes, 30 minutes, … 64 hours


class Summary(TypedDict):
    """A job's entry in a list of jobs, without its kind before the members' names."""

    JobName: str
    JobStatus: str
    CreationTime: datetime
    LastModifiedTime: datetime
    EndTime: NotRequired[datetime]


def due(age: timedelta) -> bool:
    """Whether to look at a job that ended `age` ago: once at each mark, if a sweep comes every PERIOD."""
    return any(mark <= age < mark + PERIOD for mark in _MARKS)


def sweep(aws: Clients, settings: Settings, now: datetime) -> list[str]:
    """Request everything that is overdue; returns the requests, in words.

    A job that can't be looked at doesn't keep the others from it: what failed is raised at the end.
    """
    asked: list[str] = []
    failed: list[Exception] = []
    sagemaker = aws.sagemaker
    for pages, kind, look in (
        (sagemaker.get_paginator("list_transform_jobs"), "Transform", _look_at_transform),
        (
            sagemaker.get_paginator("list_hyper_parameter_tuning_jobs"),
            "HyperParameterTuning",
            _look_at_tuning,
        ),
        (sagemaker.get_paginator("list_training_jobs"), "Training", _look_at_training),
    ):
        try:
            for job in _listed(pages, kind, settings.name, now):
                try:
                    asked.extend(look(aws, settings, job, now))
                except (BotoCoreError, ClientError, ValueError) as error:
                    error.add_note(f"while looking at {job}")
                    failed.append(error)
        except (BotoCoreError, ClientError) as error:
            error.add_note(f"while listing {kind} jobs")
            failed.append(error)
    if failed:
        raise ExceptionGroup(f"asked for {asked or 'nothing'}; {len(failed)} looks failed", failed)
    return asked


def _listed(
    pages: Any,  # the paginator of any kind of job: their types have no common base
    kind: str,
    name: str,
    now: datetime,
) -> Iterator["Summary"]:
    """The stack's jobs of a kind that changed in the last days, with its prefix taken off the members' names.

    Whether a job is this stack's shows in where it writes, which only its description says; the name is a
    first filter.
    """
    for page in pages.paginate(NameContains=f"{name}-", LastModifiedTimeAfter=now - WINDOW):
        for summary in page[f"{kind}JobSummaries"]:
            job = cast("Summary", {member.removeprefix(kind): value for member, value in summary.items()})
            if job["JobName"].startswith(f"{name}-"):
                yield job


def _ended_and_due(job: Summary, now: datetime) -> bool:
    return job["JobStatus"] in ENDED and due(now - job.get("EndTime", job["LastModifiedTime"]))


def _look_at_transform(aws: Clients, settings: Settings, job: Summary, now: datetime) -> Iterator[str]:
    """Stop a transform job above its limit, and ask for the report of an ended one that has none yet.

    A report that gave up, or is about an earlier attempt, isn't about this job.
    """
    name = job["JobName"]
    limit = timedelta(hours=settings.max_transform_hours)
    stuck = job["JobStatus"] == "InProgress" and due(now - job["CreationTime"] - limit)
    if not (stuck or _ended_and_due(job, now)):
        return
    described = aws.sagemaker.describe_transform_job(TransformJobName=name)
    try:
        run = Run.of_output(described["TransformOutput"]["S3OutputPath"], settings.bucket)
        attempt = transform_job.attempt_number(run, name)
    except ValueError:
        return  # not this stack's
    if stuck:
        aws.sagemaker.stop_transform_job(TransformJobName=name)
        yield f"transform job {name} to stop after {settings.max_transform_hours:g} hours"
    elif existing_report.read(aws.s3, settings.bucket, run).attempts < attempt:
        queues.send(aws.sqs, settings.report_queue_url, RunEnded.message(run))
        yield f"report of transform job {name}"


def _look_at_tuning(aws: Clients, settings: Settings, job: Summary, now: datetime) -> Iterator[str]:
    """Repeat the event of an ended tuning job that was followed by neither a final training nor a failure."""
    name = job["JobName"]
    if not _ended_and_due(job, now) or objects.exists(aws.s3, settings.bucket, layout.tuning_failure(name)):
        return
    described = aws.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    written = described.get("TrainingJobDefinition", {}).get("OutputDataConfig", {}).get("S3OutputPath", "")
    if not written.startswith(f"s3://{settings.bucket}/{layout.TRIALS}"):
        return
    if _final_training_exists(aws.sagemaker, name):
        return
    arn, status = described["HyperParameterTuningJobArn"], described["HyperParameterTuningJobStatus"]
    detail = {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobArn": arn,
        "HyperParameterTuningJobStatus": status,
    }
    _repeat(aws.lambda_, f"{settings.name}-train-best-model", "HyperParameter Tuning", arn, detail, now)
    yield f"final training of tuning job {name}"


def _look_at_training(aws: Clients, settings: Settings, job: Summary, now: datetime) -> Iterator[str]:
    """Repeat the event of an ended final training that was followed by neither a package nor a failure."""
    name = job["JobName"]
    if not _ended_and_due(job, now) or objects.exists(aws.s3, settings.bucket, layout.training_failure(name)):
        return
    described = aws.sagemaker.describe_training_job(TrainingJobName=name)
    written = described["OutputDataConfig"]["S3OutputPath"]
    if not written.startswith(f"s3://{settings.bucket}/{layout.MODELS}"):
        return
    if registry.of_training_job(aws.sagemaker, settings.name, described):
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


def _final_training_exists(sagemaker: "SageMakerClient", tuning_job: str) -> bool:
    """Whether there is the training job that follows a tuning job."""
    name = final_training.job_name(tuning_job)
    return describe_or_none(lambda: sagemaker.describe_training_job(TrainingJobName=name)) is not None


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
    lambda_.invoke(FunctionName=function, InvocationType="Event", Payload=orjson.dumps(event))
