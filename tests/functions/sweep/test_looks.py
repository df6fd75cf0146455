"""One look at a job: what is missing is requested, once, and nothing of another stack's is touched."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from batch_prediction.events import RunEnded
from batch_prediction.layout import Run, training_failure, training_package, tuning_failure
from batch_prediction.runs import decision
from batch_prediction.runs.decision import Refuse
from batch_prediction.runs.reason_codes import ReasonCode
from batch_prediction.sweep import looks
from batch_prediction.sweep.unstarted import Unstarted
from tests.functions.sweep.swept import (
    HOUR,
    LIMIT,
    OURS,
    ask,
    calm_world,
    report,
    training,
    transform,
    tuning,
)
from tests.settings_and_events import BUCKET, event
from tests.simulation.services import ARN
from tests.simulation.training import NO_INSTANCES
from tests.simulation.world import World

TUNING = "digits-261122-140000"
FINAL = f"{TUNING}-final"


@pytest.fixture
def world() -> World:
    """A world in which nothing goes wrong by itself."""
    return calm_world()


@pytest.fixture
def invoked(world: World) -> list[dict[str, Any]]:
    """The functions that are invoked, with their events, instead of being run."""
    found: list[dict[str, Any]] = []

    def invoke(FunctionName: str, InvocationType: str, Payload: bytes) -> None:  # noqa: N803
        found.append({"function": FunctionName, "type": InvocationType, "event": json.loads(Payload)})

    vars(world.aws.lambda_)["do_invoke"] = invoke
    return found


def messages(world: World) -> list[dict[str, Any]]:
    """What was sent to the report queue."""
    return [json.loads(message.body) for message in world.messages.values() if message.queue == "reports"]


def test_a_job_that_ended_since_it_was_listed_is_not_stopped(world: World) -> None:
    """Its description decides: lists may lag behind."""
    now = world.moment()
    job = transform(world, 1, now - LIMIT, "Completed", ended=now)
    assert list(looks.at_running_transform(world.aws, OURS, job)) == []  # type: ignore[arg-type] # the same methods
    world.sagemaker.jobs[job]["TransformJobStatus"] = "Stopping"
    assert list(looks.at_running_transform(world.aws, OURS, job)) == []  # type: ignore[arg-type] # the same methods
    assert world.sagemaker.jobs[job]["TransformJobStatus"] == "Stopping"


@pytest.mark.parametrize(
    "path",
    [
        "s3://elsewhere/runs/b1/20261122t154022z-00000001/output/1/",
        "s3://digits-bucket/other/b1/20261122t154022z-00000001/output/1/",
        "s3://digits-bucket/runs/b1/20261122t154022z-00000002/output/1/",
    ],
    ids=["bucket", "folder", "run"],
)
def test_a_transform_job_of_another_stack_is_left_alone(world: World, path: str) -> None:
    """A job whose name begins like ours and that writes elsewhere is neither stopped nor reported."""
    now = world.moment()
    running = transform(world, 1, now - LIMIT, TransformOutput={"S3OutputPath": path})
    assert ask(world, now) == []
    assert world.sagemaker.jobs[running]["TransformJobStatus"] == "InProgress"
    transform(world, 1, now - HOUR, "Completed", ended=now, TransformOutput={"S3OutputPath": path})
    assert ask(world, now) == []
    assert messages(world) == []


def test_a_report_is_requested_of_the_run_that_the_job_is_of(world: World) -> None:
    """The message names batch and run, as start_transform's own does."""
    now = world.moment()
    transform(world, 1, now - HOUR, "Failed", ended=now)
    assert ask(world, now) == ["report of transform job digits-20261122t154022z-00000001"]
    assert messages(world) == [
        {
            "detail-type": "Digit Batch Run Ended",
            "detail": {"batch": "b1", "run": "20261122t154022z-00000001"},
        }
    ]


def test_a_report_that_knows_the_job_is_not_requested_again(world: World) -> None:
    """One about an earlier attempt isn't about this one; one about a later attempt is."""
    now = world.moment()
    first = transform(world, 1, now - HOUR, "Failed", ended=now)
    report(world, first)
    assert ask(world, now) == []
    second = transform(world, 1, now - HOUR, "Completed", ended=now, attempt=2)
    assert ask(world, now) == [f"report of transform job {second}"]
    report(world, first, attempt=second)
    assert ask(world, now) == []


def test_an_ended_search_is_repeated_as_the_event_that_was_lost(
    world: World, invoked: list[dict[str, Any]]
) -> None:
    """train_best_model gets the documented event of the tuning job, at the sweep's time."""
    now = world.moment()
    tuning(world, TUNING, now - HOUR, now, "Stopped")
    assert ask(world, now) == [f"final training of tuning job {TUNING}"]
    (call,) = invoked
    assert (call["function"], call["type"]) == ("digits-train-best-model", "Event")
    documented, repeated = event("tuning_job_completed"), call["event"]
    arn = f"{ARN}hyper-parameter-tuning-job/{TUNING}"
    assert repeated.keys() == documented.keys()
    assert repeated["detail-type"] == documented["detail-type"]
    assert repeated["source"] == documented["source"]
    assert repeated["resources"] == [arn]
    assert (repeated["account"], repeated["region"]) == tuple(arn.split(":")[4:2:-1])
    assert repeated["time"] == f"{now:%Y-%m-%dT%H:%M:%SZ}"
    assert repeated["detail"] == {
        "HyperParameterTuningJobName": TUNING,
        "HyperParameterTuningJobArn": arn,
        "HyperParameterTuningJobStatus": "Stopped",
    }


def test_an_ended_final_training_is_repeated_as_the_event_that_was_lost(
    world: World, invoked: list[dict[str, Any]]
) -> None:
    """register_model gets the documented event of the training job, at the sweep's time."""
    now = world.moment()
    training(world, FINAL, now - HOUR, now, "Failed")
    assert ask(world, now) == [f"model package of training job {FINAL}"]
    (call,) = invoked
    assert (call["function"], call["type"]) == ("digits-register-model", "Event")
    documented, repeated = event("training_job_completed"), call["event"]
    assert repeated.keys() == documented.keys()
    assert repeated["detail-type"] == documented["detail-type"]
    assert repeated["resources"] == [f"{ARN}training-job/{FINAL}"]
    assert repeated["detail"] == {
        "TrainingJobName": FINAL,
        "TrainingJobArn": f"{ARN}training-job/{FINAL}",
        "TrainingJobStatus": "Failed",
        "OutputDataConfig": {"S3OutputPath": "s3://digits-bucket/models/"},
    }


@pytest.mark.parametrize("key", [tuning_failure(TUNING), training_failure(FINAL)])
def test_a_recorded_failure_is_not_asked_for_again(
    world: World, invoked: list[dict[str, Any]], key: str
) -> None:
    """People have been notified why there is no model: the sweep leaves it at that."""
    now = world.moment()
    if key == tuning_failure(TUNING):
        tuning(world, TUNING, now - HOUR, now)
    else:
        training(world, FINAL, now - HOUR, now, "Failed")
    world.s3.write(key, b"{}")
    assert ask(world, now) == []
    assert invoked == []


def test_a_failure_of_another_job_is_none_of_this_one(world: World, invoked: list[dict[str, Any]]) -> None:
    """A record is that of its job alone."""
    now = world.moment()
    tuning(world, TUNING, now - HOUR, now)
    for key in (tuning_failure(f"{TUNING}0"), training_failure(TUNING), training_failure(FINAL)):
        world.s3.write(key, b"{}")
    assert ask(world, now) == [f"final training of tuning job {TUNING}"]
    assert len(invoked) == 1


def without_instances(world: World, name: str, ended: datetime) -> None:
    """A final training of TUNING for which AWS had no instances."""
    training(world, name, ended - HOUR, ended, "Failed")
    world.sagemaker.trainings[name] |= {
        "FailureReason": NO_INSTANCES,
        "Environment": {"DIGITS_TUNING_JOB": TUNING},
    }


def test_a_final_training_without_instances_has_its_search_repeated(
    world: World, invoked: list[dict[str, Any]]
) -> None:
    """train_best_model starts the next attempt; where one runs or a record is, nothing is asked for."""
    now = world.moment()
    tuning(world, TUNING, now - 90 * HOUR, now - 80 * HOUR)  # the sweep looks no more at the search itself
    without_instances(world, FINAL, now - 4 * HOUR)
    without_instances(world, f"{FINAL}-2", now)
    asked = ask(world, now)
    assert asked == [f"final training of tuning job {TUNING}"] * 2  # for each of the two trainings
    assert {call["function"] for call in invoked} == {"digits-train-best-model"}
    assert invoked[0]["event"]["detail"]["HyperParameterTuningJobName"] == TUNING
    invoked.clear()
    for status in ("InProgress", "Completed"):
        training(world, f"{FINAL}-3", now, now - 99 * HOUR, status)
        assert ask(world, now) == []
    del world.sagemaker.trainings[f"{FINAL}-3"]
    world.s3.write(tuning_failure(TUNING), b"{}")
    assert ask(world, now) == []
    assert invoked == []


@pytest.mark.parametrize("status", ["InProgress", "Completed", "Failed"])
def test_a_search_whose_final_training_exists_is_not_asked_for(
    world: World, invoked: list[dict[str, Any]], status: str
) -> None:
    """However that training stands: what becomes of it is looked at in its own turn."""
    now = world.moment()
    tuning(world, TUNING, now - HOUR, now)
    training(world, FINAL, now - HOUR, now - 10 * HOUR, status)
    assert ask(world, now) == []
    assert invoked == []


def test_a_training_whose_package_exists_is_not_asked_for(
    world: World, invoked: list[dict[str, Any]]
) -> None:
    """Whatever became of the package: that people know of it is recorded. Another job's record isn't its."""
    now = world.moment()
    training(world, FINAL, now - HOUR, now)
    world.sagemaker.register(7)
    (*_, package) = world.sagemaker.packages.values()
    package["CustomerMetadataProperties"] = {"training_job": FINAL}
    world.s3.write(training_package(f"{FINAL}-2"), b"{}")
    assert ask(world, now) == [f"model package of training job {FINAL}"]  # nobody was notified of it
    invoked.clear()
    world.s3.write(training_package(FINAL), b"{}")
    assert ask(world, now) == []
    assert invoked == []


def test_trials_and_jobs_of_other_stacks_have_no_successor(
    world: World, invoked: list[dict[str, Any]]
) -> None:
    """A trial's artifact lies below trials/, another stack's in another bucket: neither becomes a package."""
    now = world.moment()
    training(world, f"{TUNING}-001-0a1b2c3d", now - HOUR, now, to=f"trials/{TUNING}/")
    training(world, "digits-other-final", now - HOUR, now)
    other = {"OutputDataConfig": {"S3OutputPath": "s3://digits-bucket-2/models/"}}
    world.sagemaker.trainings["digits-other-final"] |= other
    for bucket, folder in (("digits-bucket-2", "trials"), ("digits-bucket", "elsewhere")):
        tuning(world, f"digits-{folder}", now - HOUR, now)
        definition = world.sagemaker.tunings[f"digits-{folder}"]["TrainingJobDefinition"]
        definition["OutputDataConfig"]["S3OutputPath"] = f"s3://{bucket}/{folder}/x/"
    tuning(world, "digits-undefined", now - HOUR, now)
    del world.sagemaker.tunings["digits-undefined"]["TrainingJobDefinition"]
    assert ask(world, now + timedelta(minutes=1)) == []
    assert invoked == []


@pytest.mark.parametrize(
    ("objects", "more", "words"),
    [(1, False, "1 object"), (37, False, "37 objects"), (1000, True, "more than 1,000 objects")],
)
def test_objects_without_a_manifest_get_a_report(world: World, objects: int, more: bool, words: str) -> None:
    """A refusal that names one of them; write_report is asked for its report, as often as it is looked at."""
    run = Run.without_manifest("b7/", world.moment())
    found = Unstarted(run, objects, more, "x" * 300)
    for _again in range(2):
        asked = list(looks.at_unstarted(world.aws, OURS, found))  # type: ignore[arg-type] # the same methods
        assert asked == [f"report of {words} without a manifest, of the batch b7"]
    decided = decision.must_read(world.s3, BUCKET, run)  # type: ignore[arg-type]
    reason = f"{words}, e.g. '{'x' * 200}', and no manifest that starts a run"
    assert decided == Refuse(0, 0, 0, reason, ReasonCode.NO_MANIFEST)
    bodies = [json.loads(message.body) for message in world.messages.values()]
    assert bodies == [RunEnded.message(run)] * 2
