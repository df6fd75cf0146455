"""Jobs of every kind in a simulated world, and sweeps of them."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from batch_prediction.events import SweepDue
from batch_prediction.layout import Run
from batch_prediction.runs.transform_job import attempt_name
from batch_prediction.sweep import sweep
from tests.settings_and_events import BUCKET, SETTINGS, event
from tests.simulation.faults import Faults
from tests.simulation.schedules import plain_world
from tests.simulation.services import ARN
from tests.simulation.world import World

OURS = replace(SETTINGS, report_queue_url="reports")
HOUR = timedelta(hours=1)
LIMIT = SETTINGS.max_transform_hours * HOUR


def calm_world() -> World:
    """A world in which nothing goes wrong by itself."""
    return plain_world(1, Faults(random.Random(1), rate=0.0, active=False))  # noqa: S311 (no secret)


def ask(world: World, now: datetime, seconds_left: Callable[[], float] = lambda: 300.0) -> list[str]:
    """A sweep at this time, which has the time that it needs."""
    return sweep.sweep(world.aws, OURS, SweepDue(now), seconds_left)  # type: ignore[arg-type] # the same methods


def transform(
    world: World,
    number: int,
    created: datetime,
    status: str = "InProgress",
    ended: datetime | None = None,
    attempt: int = 1,
    **changes: Any,
) -> str:
    """A transform job of the run with this number, which nobody has heard of; returns its name."""
    run = Run(f"b{number}", f"20261122t154022z-{number:08x}")
    job = attempt_name(SimpleNamespace(transform_job=f"digits-{run.id}"), attempt)  # type: ignore[arg-type] # what it reads
    world.sagemaker.jobs[job] = {
        "TransformJobName": job,
        "TransformJobStatus": status,
        "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/{run.output_prefix(attempt)}"},
        "CreationTime": created,
        "LastModifiedTime": ended or created,
        **({"TransformEndTime": ended} if ended else {}),
        **changes,
    }
    return job


def tuning(world: World, name: str, created: datetime, ended: datetime, status: str = "Completed") -> None:
    """A tuning job without a final training."""
    definition = event("tuning_job_completed")["detail"]["TrainingJobDefinition"]
    definition["OutputDataConfig"]["S3OutputPath"] = f"s3://{BUCKET}/trials/{name}/"
    world.sagemaker.tunings[name] = {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobArn": f"{ARN}hyper-parameter-tuning-job/{name}",
        "HyperParameterTuningJobStatus": status,
        "TrainingJobDefinition": definition,
        "CreationTime": created,
        "LastModifiedTime": ended,
    }


def training(
    world: World,
    name: str,
    created: datetime,
    ended: datetime,
    status: str = "Completed",
    to: str = "models/",
) -> None:
    """A training job without a model package; `to` is where it writes."""
    world.sagemaker.trainings[name] = {
        "TrainingJobName": name,
        "TrainingJobArn": f"{ARN}training-job/{name}",
        "TrainingJobStatus": status,
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/{to}"},
        "CreationTime": created,
        "LastModifiedTime": ended,
    }


def report(world: World, job: str, attempt: str | None = None) -> None:
    """Write the report of a transform job's run, about that job, or about the one with another name."""
    path = world.sagemaker.jobs[job]["TransformOutput"]["S3OutputPath"]
    content = {"transform_job": {"name": attempt or job}}
    world.s3.write(Run.of_output(path, BUCKET).report, json.dumps(content).encode())


class Requests:
    """Counts a world's requests, each of which takes a tenth of a second, and keeps its invocations."""

    def __init__(self, world: World) -> None:
        self.number = 0
        self.invoked: list[dict[str, Any]] = []
        request = world.request

        def counted(operation: str, effect: Callable[[], Any]) -> Any:
            self.number += 1
            return request(operation, effect)

        vars(world)["request"] = counted
        vars(world.aws.lambda_)["do_invoke"] = self._invoke

    def _invoke(self, FunctionName: str, InvocationType: str, Payload: bytes) -> None:  # noqa: N803
        assert InvocationType == "Event"
        self.invoked.append({"function": FunctionName, "event": json.loads(Payload)})

    def sweep(self, world: World, now: datetime, function_seconds: float = 300.0) -> list[list[str]]:
        """A sweep to its end: what each of its invocations requested, each within the function's time."""
        due, parts = SweepDue(now), list[list[str]]()
        world.now += 1  # what it stops has ended after its time
        while True:
            begin, known = self.number, len(self.invoked)
            end = begin + 10 * function_seconds

            def seconds_left(end: float = end) -> float:
                return (end - self.number) / 10

            parts.append(sweep.sweep(world.aws, OURS, due, seconds_left))  # type: ignore[arg-type] # the same methods
            assert len(parts) < 50, "it goes on for ever"
            assert self.number <= end, f"invocation {len(parts)} made {self.number - begin} requests"
            again = [call["event"] for call in self.invoked[known:] if call["function"] == "digits-sweep"]
            if not again:
                return parts
            (following,) = again
            due = SweepDue.from_event(following)
