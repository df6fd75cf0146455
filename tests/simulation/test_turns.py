"""Two deliveries about a run, one of which knows of a later transform job, in any order of their requests."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

import pytest

import write_report
from batch_prediction.events import RunEnded
from batch_prediction.runs import decision, transform_job
from batch_prediction.runs.decision import GiveUp, Start
from batch_prediction.runs.reason_codes import ReasonCode
from tests.simulation.bugs import TURNS, Bug
from tests.simulation.faults import Faults
from tests.simulation.properties import violations
from tests.simulation.sagemaker import BY_THE_SERVICE
from tests.simulation.schedules import plain_world
from tests.simulation.services import BUCKET
from tests.simulation.turns import Delivery, take_turns
from tests.simulation.world import Sent, World, installed

REQUESTS = 18  # as many as a delivery makes, at most, once it knows the run's transform jobs


@contextmanager
def given_up_run() -> Iterator[World]:
    """A run that was given up after its first transform job, which the service failed."""
    world = plain_world(1, Faults(random.Random(1), rate=0.0))  # noqa: S311 (no secret)
    with installed(world):
        while not world.sagemaker.jobs:
            world._next()
        world.sagemaker.job_ends(next(iter(world.sagemaker.jobs)), None, BY_THE_SERVICE)
        why = GiveUp("the package is Rejected now", ReasonCode.MODEL_WITHDRAWN)
        decision.give_up(world.s3, BUCKET, world.uploads[0].run, why)  # type: ignore[arg-type]
        take_turns(world)
        yield world


def deliver(world: World) -> Delivery:
    """A delivery of a message about the run."""
    body = json.dumps(RunEnded.message(world.uploads[0].run))
    handle = f"reports-{len(world.messages)}"
    world.messages[handle] = Sent("reports", body, world.now)
    attributes = {
        "ApproximateReceiveCount": "1",
        "ApproximateFirstReceiveTimestamp": "0",
        "SentTimestamp": "0",
    }
    record = {"body": body, "receiptHandle": handle, "attributes": attributes}
    return Delivery(write_report.handler, {"Records": [record]})


def older_and_newer(world: World) -> tuple[Delivery, Delivery]:
    """One has looked at the run before its second transform job was Completed, the other afterwards."""
    older = deliver(world)
    while older.made[-1:] != ["describe_transform_job"] or older.made.count("describe_transform_job") < 2:
        older.make(1)
    run, sagemaker = world.uploads[0].run, world.sagemaker
    decided = decision.must_read(world.s3, BUCKET, run)  # type: ignore[arg-type]
    assert isinstance(decided, Start)
    request = transform_job.job_request(BUCKET, run, decided, 2)
    sagemaker.do_create_transform_job(**request)
    sagemaker._work(request["TransformJobName"])
    sagemaker.job_ends(request["TransformJobName"], "Completed")
    newer = deliver(world)
    while newer.made.count("describe_transform_job") < 2:
        newer.make(1)
    return older, newer


def settle(world: World, *deliveries: Delivery) -> None:
    """Let deliveries end, one after the other; SQS delivers again what failed or was killed."""
    for delivery in deliveries:
        delivery.finish()
    for delivery in deliveries:
        if delivery.error is not None:
            again = deliver(world)
            again.finish()
            assert again.error is None


def wrong(world: World) -> list[str]:
    """What is wrong with a run whose second transform job was Completed."""
    run = world.uploads[0].run
    assert json.loads(world.s3.content(run.report) or b"{}")["status"] == "Completed"
    return [text for _, text in violations(world)]


@pytest.mark.parametrize("requests", range(REQUESTS))
def test_the_later_job_s_report_prevails_whoever_is_overtaken(requests: int) -> None:
    """Both deliveries stop at each of their requests, and either is the last to end: all agrees then."""
    found = {}
    for others in range(REQUESTS):
        for last in ("older", "newer"):
            with given_up_run() as world:
                older, newer = older_and_newer(world)
                older.make(requests)
                newer.make(others)
                settle(world, *((newer, older) if last == "older" else (older, newer)))
                found[others, last] = wrong(world)
    assert {schedule: texts for schedule, texts in found.items() if texts} == {}


@pytest.mark.parametrize("requests", range(REQUESTS))
def test_an_older_delivery_that_dies_leaves_nothing_of_its_own(requests: int) -> None:
    """It goes on when the newer one has ended, and is killed at each of its requests."""
    found = {}
    for more in range(REQUESTS - requests):
        with given_up_run() as world:
            older, newer = older_and_newer(world)
            older.make(requests)
            newer.finish()
            older.make(more)
            older.kill()
            settle(world, newer, older)
            found[more] = wrong(world)
    assert {schedule: texts for schedule, texts in found.items() if texts} == {}


@pytest.mark.parametrize("seed", range(10))
def test_a_delivery_that_dies_is_healed_by_its_repetition(seed: int) -> None:
    """In any order of requests, each delivery may die, and the next one of its message ends the work."""
    draw = random.Random(seed)  # noqa: S311 (no secret)
    found = {}
    for schedule in range(20):
        with given_up_run() as world:
            deliveries = older_and_newer(world)
            for _ in range(draw.randrange(2 * REQUESTS)):
                draw.choice(deliveries).make(draw.choice((1, 1, 2, 5)))
            for delivery in deliveries:
                if draw.random() < 0.5:
                    delivery.kill()
            settle(world, *draw.sample(deliveries, 2))
            found[schedule] = wrong(world)
    assert {schedule: texts for schedule, texts in found.items() if texts} == {}


@pytest.mark.parametrize("name", TURNS)
def test_a_planted_bug_is_found_where_deliveries_take_turns(name: str) -> None:
    """Each is a rule that two deliveries at once depend on."""
    assert TURNS[name].breaks in {kind for kind, _ in _found_with(TURNS[name])}


def _found_with(bug: Bug) -> Iterator[tuple[str, str]]:
    with bug.planted():
        for requests, others in product(range(REQUESTS), repeat=2):
            with given_up_run() as world:
                older, newer = older_and_newer(world)
                older.make(requests)
                newer.make(others)
                settle(world, *((newer, older) if others % 2 else (older, newer)))
                yield from violations(world)


def test_every_request_of_a_delivery_is_a_place_to_be_overtaken() -> None:
    """The other tests stop deliveries at each of their requests: neither makes more than they know of."""
    with given_up_run() as world:
        for delivery in (deliveries := older_and_newer(world)):
            known = len(delivery.made)
            delivery.finish()
            assert 5 < len(delivery.made) - known <= REQUESTS
        assert [delivery.error for delivery in deliveries] == [None, None]
