"""The sweep: what lost events left undone is asked for, and not again and again, within its time."""

import json
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

import sweep as handler
from batch_prediction.events import SweepDue
from batch_prediction.sweep import sweep
from tests.functions.sweep.swept import (
    HOUR,
    LIMIT,
    OURS,
    Requests,
    ask,
    calm_world,
    report,
    training,
    transform,
    tuning,
)
from tests.simulation.faults import refusal
from tests.simulation.properties import violations
from tests.simulation.sagemaker import EVENT_LOST, STUCK
from tests.simulation.world import World, context, installed

TUNING = "digits-261122-140000"
RUN = "digits-20261122t154022z-00000001"


@pytest.fixture
def world() -> World:
    """A world in which nothing goes wrong by itself."""
    return calm_world()


def test_a_lost_event_is_asked_for_by_the_next_sweep(world: World) -> None:
    """A job whose event was lost has its report a quarter of an hour later."""
    world.sagemaker.script = {"b0": [EVENT_LOST]}
    world.run()
    assert violations(world) == []
    (upload,) = world.uploads
    (job,) = world.sagemaker.jobs.values()
    reported = world.s3.versions[upload.run.report][0][2]
    assert timedelta() < reported - job["TransformEndTime"] <= timedelta(minutes=16)
    assert [run for run, _ in world.asked] == [upload.run.id]


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


def test_a_job_whose_run_was_given_up_meanwhile_has_its_report(world: World) -> None:
    """There is a report that gave up, and a job that another delivery had started ended unheard."""
    world.sagemaker.script = {"b0": [EVENT_LOST]}
    world.run()
    (upload,) = world.uploads
    content = json.loads(world.s3.content(upload.run.report) or b"")
    (job,) = world.sagemaker.jobs.values()
    ended = job["TransformEndTime"]
    assert ask(world, ended) == []
    gave_up = content | {"status": "GaveUp", "transform_job": None}
    world.s3.write(upload.run.report, json.dumps(gave_up).encode())
    assert len(ask(world, ended)) == 1


def test_a_job_that_cannot_be_stopped_is_not_asked_every_time(world: World) -> None:
    """The stop is repeated at the same marks as everything else."""
    created = world.moment()
    transform(world, 1, created)
    vars(world.sagemaker)["do_stop_transform_job"] = lambda **_: None
    asked = [ask(world, created + LIMIT + timedelta(minutes=15 * number)) for number in range(4 * 24 * 2)]
    assert sum(map(len, asked)) == 9  # 0, 15 and 30 minutes, 1, 2, 4, 8, 16 and 32 hours


def test_a_job_that_cannot_be_looked_at_does_not_hide_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first job's error is raised at the end, after the second one's report was asked for."""
    now = world.moment()
    broken, whole = (transform(world, 1, now, "Completed", ended=now, attempt=number) for number in (1, 2))
    describe = world.sagemaker.do_describe_transform_job

    def answer(TransformJobName: str) -> object:  # noqa: N803
        if TransformJobName == broken:
            raise refusal("DescribeTransformJob", "ThrottlingException", 400)
        return describe(TransformJobName)

    monkeypatch.setattr(world.sagemaker, "do_describe_transform_job", answer)
    with pytest.raises(
        ExceptionGroup, match=rf"report of transform job {whole}'\]; 1 looks failed"
    ) as failed:
        ask(world, now)
    assert failed.group_contains(ClientError, match="Throttling")
    assert failed.value.exceptions[0].__notes__ == [f"while looking at {broken}"]
    (message,) = world.messages.values()
    assert json.loads(message.body)["detail"] == {"batch": "b1", "run": RUN.removeprefix("digits-")}


def test_a_report_that_cannot_be_read_does_not_hide_the_others(world: World) -> None:
    """One that somebody wrote over isn't taken for a report; its error is raised at the end."""
    now = world.moment()
    broken, whole = (transform(world, number, now, "Completed", ended=now) for number in (1, 2))
    report(world, broken)
    (key,) = (key for key in world.s3.versions if key.endswith("report.json"))
    world.s3.write(key, b"{")
    with pytest.raises(ExceptionGroup, match=rf"report of transform job {whole}'\]; 1 looks failed"):
        ask(world, now)
    assert len(world.messages) == 1


@pytest.mark.parametrize("kind", ["transform", "hyper_parameter_tuning", "training"])
def test_a_list_that_fails_does_not_hide_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """What the other lists have is asked for, and the error says which list it was."""
    now = world.moment()
    transform(world, 1, now - HOUR, "Completed", ended=now)
    transform(world, 2, now - LIMIT)
    tuning(world, TUNING, now - HOUR, now)
    training(world, "digits-alone", now - HOUR, now)

    def fail(**_: object) -> None:
        raise refusal("List", "ThrottlingException", 400)

    monkeypatch.setattr(world.sagemaker, f"do_list_{kind}_jobs", fail)
    with pytest.raises(ExceptionGroup) as failed:
        ask(world, now)
    missing = {"transform": {"report", "stop"}, "hyper_parameter_tuning": {"final"}, "training": {"package"}}
    words = {"report": "report of", "stop": "to stop", "final": "final training", "package": "model package"}
    found = {name for name, text in words.items() if text in str(failed.value)}
    assert found == set(words) - missing[kind]
    note = f"while listing {kind.title().replace('_', '')} jobs"
    assert all(error.__notes__ == [note] for error in failed.value.exceptions)


def test_a_sweep_goes_on_behind_the_last_look_when_its_time_is_nearly_over(world: World) -> None:
    """Its own function is invoked with the same time; every job is looked at once, the urgent first."""
    now = world.moment()
    for number in range(3):
        transform(world, number, now - HOUR, "Completed", ended=now - number * timedelta(seconds=1))
    stuck = transform(world, 9, now - LIMIT)
    requests = Requests(world)
    parts = requests.sweep(world, now, function_seconds=sweep.RESERVE)
    assert parts == [
        [f"transform job {stuck} to stop after 6 hours"],
        *([f"report of transform job digits-20261122t154022z-{number:08x}"] for number in (2, 1, 0)),
    ]
    first, *_ = requests.invoked
    assert first["function"] == "digits-sweep"
    assert first["event"]["detail-type"] == "Digit Batch Sweep Continued"
    assert {SweepDue.from_event(call["event"]).time for call in requests.invoked} == {now}


def test_a_sweep_with_time_enough_invokes_nothing(world: World) -> None:
    """With exactly the reserve left the next job is still looked at."""
    now = world.moment()
    for number in range(3):
        transform(world, number, now - HOUR, "Completed", ended=now)
    requests = Requests(world)
    assert len(ask(world, now, lambda: sweep.RESERVE)) == 3
    assert requests.invoked == []


def test_a_failure_of_an_earlier_invocation_is_raised_by_the_last(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda repeats what fails: an invocation with a successor doesn't fail, or they would multiply."""
    now = world.moment()
    jobs = [transform(world, number, now - HOUR, "Completed", ended=now) for number in range(3)]
    describe = world.sagemaker.do_describe_transform_job

    def answer(TransformJobName: str) -> object:  # noqa: N803
        if TransformJobName in jobs[:2]:
            raise refusal("DescribeTransformJob", "ThrottlingException", 400)
        return describe(TransformJobName)

    monkeypatch.setattr(world.sagemaker, "do_describe_transform_job", answer)
    requests = Requests(world)
    with pytest.raises(ExceptionGroup) as failed:
        requests.sweep(world, now, function_seconds=sweep.RESERVE)
    assert failed.group_contains(RuntimeError, match="2 lists and looks of its earlier invocations")
    assert [SweepDue.from_event(call["event"]).failed for call in requests.invoked] == [1, 2]
    assert len(world.messages) == 1


def test_ten_thousand_jobs_at_once_are_looked_at_within_the_function_s_time(world: World) -> None:
    """At a tenth of a second a request no invocation passes 300 s, and each job is asked for once."""
    now = world.moment()
    world.sagemaker.listings.most = 100
    for number in range(10_000):
        transform(world, number, now - HOUR, "Completed", ended=now - timedelta(milliseconds=80) * number)
    stuck = transform(world, 10_000, now - LIMIT)
    tuning(world, TUNING, now - HOUR, now)
    training(world, "digits-alone", now - HOUR, now)
    requests = Requests(world)
    parts = requests.sweep(world, now)
    assert parts[0][:3] == [
        f"transform job {stuck} to stop after 6 hours",
        f"final training of tuning job {TUNING}",
        "model package of training job digits-alone",
    ]
    asked = [text for part in parts for text in part]
    assert len(asked) == len(set(asked)) == 10_003
    assert len(world.messages) == 10_000
    assert len(parts) == 14


def test_a_sweep_of_ten_thousand_batches_a_day_needs_one_invocation(world: World) -> None:
    """Three days' reports are all there: 300 s suffice for the lists and for all looks that are due."""
    now = world.moment()
    world.sagemaker.listings.most = 100
    for number in range(30_000):
        ended = now - timedelta(seconds=8.64) * number
        job = transform(world, number, ended - timedelta(minutes=10), "Completed", ended=ended)
        report(world, job)
    requests = Requests(world)
    assert requests.sweep(world, now) == [[]]
    assert requests.number == 2_126


def test_the_handler_goes_by_the_time_of_its_event_and_of_its_context(world: World) -> None:
    """A late event looks at what was due at its time; with no time left, at one job, and goes on."""
    now = world.moment()
    for number in range(2):
        transform(world, number, now - HOUR, "Completed", ended=now)
    requests = Requests(world)
    event = {"time": f"{now:%Y-%m-%dT%H:%M:%SZ}", "detail": {}}
    with installed(world):
        handler.handler(event | {"time": f"{now + 5 * HOUR:%Y-%m-%dT%H:%M:%SZ}"}, context(300))
        assert len(world.messages) == 0
        handler.handler(event, context(59))
        assert len(world.messages) == 1
        (rest,) = requests.invoked
        handler.handler(rest["event"], context(59))
    assert len(world.messages) == 2
    assert len(requests.invoked) == 1


def test_uploads_are_looked_at_once_a_sweep_and_keep_nothing_from_it(world: World) -> None:
    """Not in the invocations that go on; what fails there is raised at the end."""
    now = world.moment() + timedelta(hours=1)
    world.put_image("b1", "1.png")
    transform(world, 1, now - LIMIT)
    asked = ask(world, now)
    assert asked[0] == "report of 1 object without a manifest, of the batch b1"
    assert len(asked) == 2
    assert sweep.sweep(world.aws, OURS, SweepDue(now, "9"), lambda: 300.0) == []  # type: ignore[arg-type] # the same methods

    def refused(**_: object) -> None:
        raise refusal("ListObjectsV2", "SlowDown", 503)

    world = calm_world()
    vars(world.s3)["do_list_objects_v2"] = refused
    transform(world, 2, now - LIMIT)
    with pytest.raises(ExceptionGroup, match=r"transform job .* 1 looks failed"):
        ask(world, now)
