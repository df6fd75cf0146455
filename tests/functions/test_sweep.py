"""The sweep: what lost events left undone is asked for, and not again and again."""

import json
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from batch_prediction import sweep
from batch_prediction.layout import training_failure, tuning_failure
from tests.settings_and_events import SETTINGS, event
from tests.simulation.faults import Faults, refusal
from tests.simulation.properties import violations
from tests.simulation.sagemaker import EVENT_LOST, STUCK
from tests.simulation.schedules import plain_world
from tests.simulation.world import World

TUNING = "digits-261122-140000"

RUN_ID = "20261122t154022z-1a2b3c4d"


@pytest.fixture
def world() -> World:
    """A world in which nothing goes wrong by itself."""
    return plain_world(1, Faults(random.Random(1), rate=0.0, active=False))  # noqa: S311 (no secret)


def test_a_lost_event_is_asked_for_by_the_next_sweep(world: World) -> None:
    """A job whose event was lost has its report a quarter of an hour later."""
    world.sagemaker.script = {"b0": [EVENT_LOST]}
    world.run()
    assert violations(world) == []
    (upload,) = world.uploads
    (job,) = world.sagemaker.jobs.values()
    reported = world.s3.versions[upload.run.report][0][2]
    assert timedelta() < reported - job["TransformEndTime"] <= timedelta(minutes=16)
    assert world.asked == {upload.run.id: 1}


def test_a_job_above_its_limit_is_stopped_and_reported(world: World) -> None:
    """What never ends by itself costs no more than MaxTransformHours, and its run ends in a report."""
    world.sagemaker.script = {"b0": [STUCK]}
    world.run()
    assert violations(world) == []
    (job,) = world.sagemaker.jobs.values()
    assert job["TransformJobStatus"] == "Stopped"
    assert timedelta(hours=6) < job["TransformEndTime"] - job["CreationTime"] <= timedelta(hours=6.5)


def test_lost_events_of_training_are_repeated(world: World) -> None:
    """An ended tuning job gets its final training, and that its package, when the events of both are lost."""
    world.sagemaker.tuning_ends(TUNING, "Completed", announced=False)
    world.run()
    assert world.followed(f"{TUNING}-final")
    assert sum("ClientToken" in package for package in world.sagemaker.packages.values()) == 1


@pytest.mark.parametrize("key", [tuning_failure(TUNING), training_failure(f"{TUNING}-final")])
def test_a_recorded_failure_is_not_asked_for_again(world: World, key: str) -> None:
    """People have been notified why there is no model: the sweep leaves it at that."""
    world.sagemaker.tuning_ends(TUNING, "Completed", announced=False)
    if key == training_failure(f"{TUNING}-final"):
        tuning = world.sagemaker.tunings[TUNING]
        tuning_request = tuning["TrainingJobDefinition"] | {"TrainingJobName": f"{TUNING}-final"}
        tuning_request["OutputDataConfig"] = {"S3OutputPath": "s3://digits-bucket/models/"}
        world.sagemaker.do_create_training_job(**tuning_request)
        world.sagemaker.trainings[f"{TUNING}-final"]["TrainingJobStatus"] = "Failed"
    world.s3.write(key, b"{}")
    assert sweep.sweep(world.aws, SETTINGS, world.moment()) == []  # type: ignore[arg-type] # the same methods


def test_a_job_of_another_stack_is_left_alone(world: World) -> None:
    """A job whose name begins like ours and that writes elsewhere is neither stopped nor reported."""
    old = world.moment() - timedelta(hours=9)
    for name, status in (("digits-other-1", "InProgress"), ("digits-other-2", "Completed")):
        world.sagemaker.jobs[name] = {
            "TransformJobName": name,
            "TransformJobStatus": status,
            "TransformOutput": {"S3OutputPath": "s3://elsewhere/runs/x/"},
            "CreationTime": old,
            "LastModifiedTime": world.moment(),
        }
    assert sweep.sweep(world.aws, SETTINGS, world.moment()) == []  # type: ignore[arg-type] # the same methods
    assert world.sagemaker.jobs["digits-other-1"]["TransformJobStatus"] == "InProgress"


def test_a_job_that_cannot_be_looked_at_does_not_hide_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first job's error is raised at the end, after the second one's report was asked for."""
    ended = event("transform_job_completed")["detail"]
    path = f"s3://digits-bucket/runs/b0/{RUN_ID}/output/1/"
    for name in (f"digits-{RUN_ID}", f"digits-{RUN_ID}-2"):
        world.sagemaker.jobs[name] = ended | {
            "TransformJobName": name,
            "TransformOutput": {"S3OutputPath": path},
            "CreationTime": world.moment(),
            "LastModifiedTime": world.moment(),
            "TransformEndTime": world.moment(),
        }
    describe = world.sagemaker.do_describe_transform_job

    def answer(TransformJobName: str) -> object:  # noqa: N803
        if TransformJobName == f"digits-{RUN_ID}":
            raise refusal("DescribeTransformJob", "ThrottlingException", 400)
        return describe(TransformJobName)

    monkeypatch.setattr(world.sagemaker, "do_describe_transform_job", answer)
    with pytest.raises(ExceptionGroup, match=f"report of transform job digits-{RUN_ID}-2") as failed:
        sweep.sweep(world.aws, replace(SETTINGS, report_queue_url="reports"), world.moment())  # type: ignore[arg-type] # the same methods
    assert failed.group_contains(ClientError, match="Throttling")
    (message,) = world.messages.values()
    assert json.loads(message.body)["detail"] == {"batch": "b0", "run": RUN_ID}


def test_a_job_whose_run_was_given_up_meanwhile_has_its_report(world: World) -> None:
    """There is a report that gave up, and a job that another delivery had started ended unheard."""
    world.sagemaker.script = {"b0": [EVENT_LOST]}
    world.run()
    (upload,) = world.uploads
    report = json.loads(world.s3.content(upload.run.report) or b"")
    (job,) = world.sagemaker.jobs.values()
    asked = replace(SETTINGS, report_queue_url="reports", bucket="digits-bucket")
    ended = job["TransformEndTime"]
    assert sweep.sweep(world.aws, asked, ended) == []  # type: ignore[arg-type] # the same methods
    gave_up = report | {"status": "GaveUp", "transform_job": None}
    world.s3.write(upload.run.report, json.dumps(gave_up).encode())
    assert len(sweep.sweep(world.aws, asked, ended)) == 1  # type: ignore[arg-type] # the same methods


def test_a_job_that_cannot_be_stopped_is_not_asked_every_time(world: World) -> None:
    """The stop is repeated at the same marks as everything else."""
    world.sagemaker.script = {"b0": [STUCK]}
    created = world.moment()
    world.sagemaker.jobs[f"digits-{RUN_ID}"] = {
        "TransformJobName": f"digits-{RUN_ID}",
        "TransformJobStatus": "InProgress",
        "TransformOutput": {"S3OutputPath": f"s3://digits-bucket/runs/b0/{RUN_ID}/output/1/"},
        "CreationTime": created,
        "LastModifiedTime": created,
    }
    vars(world.sagemaker)["do_stop_transform_job"] = lambda **_: None
    asked = [
        sweep.sweep(world.aws, SETTINGS, created + timedelta(hours=6, minutes=15 * number))  # type: ignore[arg-type] # the same methods
        for number in range(4 * 24 * 2)
    ]
    assert sum(map(len, asked)) == 9  # 0, 15 and 30 minutes, 1, 2, 4, 8, 16 and 32 hours


def test_a_list_that_fails_does_not_hide_the_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings are looked at although transform jobs can't be listed."""
    world.sagemaker.tuning_ends(TUNING, "Completed", announced=False)

    def fail(**_: object) -> None:
        raise refusal("ListTransformJobs", "ThrottlingException", 400)

    monkeypatch.setattr(world.sagemaker, "do_list_transform_jobs", fail)
    with pytest.raises(ExceptionGroup, match=f"final training of tuning job {TUNING}"):
        sweep.sweep(world.aws, SETTINGS, world.moment())  # type: ignore[arg-type] # the same methods


@given(st.floats(0, 15), st.floats(-1, 1))
def test_a_job_is_looked_at_ten_times_at_most(first: float, jitter: float) -> None:
    """Over two weeks of sweeps; the first look comes within 15 minutes of the end."""
    ages = [timedelta(minutes=first + 15 * number) for number in range(14 * 24 * 4)]
    looks = [age for age in ages if sweep.due(age)]
    assert len(looks) <= 10
    assert looks[0] <= timedelta(minutes=15 + 1e-6)
    assert looks[-1] < sweep.WINDOW
