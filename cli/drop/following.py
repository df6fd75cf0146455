"""What `--wait` shows of a run: why it waits, its transform job, and that its report is there."""

import time
from typing import Any, cast

from batch_prediction.aws import objects
from batch_prediction.layout import Run
from batch_prediction.report import index
from batch_prediction.report.content import Report
from batch_prediction.runs import decision, transform_job
from batch_prediction.runs.decision import Start
from cli.stack import Stack, client
from cli.stages import Stage

POLL_SECONDS = 2.0


def follow(stack: Stack, run: Run, stage: Stage) -> Report:
    """Show news of a run until it has a report."""
    while (found := objects.read_json(client("s3"), stack.bucket, run.report)) is None:
        stage.news(news(stack, run))
        time.sleep(POLL_SECONDS)
    stage.result = f"s3://{stack.bucket}/{run.report}"
    return cast("Report", found.content)


def news(stack: Stack, run: Run) -> str:
    """What a run is doing, in a few words."""
    decided = decision.read(client("s3"), stack.bucket, run)
    if isinstance(decided, Start):
        jobs = transform_job.describe_attempts(client("sagemaker"), stack.bucket, run, decided)
        *_, last = ({}, *jobs)
        job = cast("dict[str, Any]", last)
        if job:
            return f"{job['TransformJobName']}: {job['TransformJobStatus']}"
    for entry in index.read(client("s3"), stack.bucket).runs:
        if (entry["batch"], entry["run"]) == (run.batch, run.id):
            return str(cast("dict[str, Any]", entry).get("waits") or entry["status"])
    return "waits for its transform job" if decided else "waits for start_transform"
