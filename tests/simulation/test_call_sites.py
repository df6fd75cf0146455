"""One fault of each kind at every request that the functions make, on each way to it: it costs nothing."""

import random
from functools import cache

import pytest

from tests.request_recorder import CallPath, call_sites
from tests.simulation.faults import (
    ANSWER_LOST,
    CRASH_AFTER,
    CRASH_BEFORE,
    FAILED,
    THROTTLED,
    TIMED_OUT,
    Faults,
)
from tests.simulation.properties import violations
from tests.simulation.schedules import full_world, scarce_world, short_world

NOWHERE: CallPath = ()


def planned(path: CallPath, kind: str) -> Faults:
    """One fault, at the first request from a call site."""
    return Faults(random.Random(1), plan=(path, kind))  # noqa: S311 (no secret)


@cache
def undisturbed() -> Faults:
    """The call sites that the full world visits without faults."""
    world = full_world(planned(NOWHERE, THROTTLED))
    world.run()
    assert violations(world) == []
    return world.faults


def test_every_call_site_of_the_functions_is_enumerated() -> None:
    """The sites are read from the sources: a new one fails here until a world visits it."""
    sites = {site for site in call_sites() if site.file.startswith("functions/")}
    assert undisturbed().visited.sites == sites
    assert len(undisturbed().paths) > len(sites) > 40


KINDS = (CRASH_BEFORE, CRASH_AFTER, THROTTLED, FAILED, TIMED_OUT, ANSWER_LOST)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", sorted(undisturbed().paths), ids=lambda path: f"{path[0]}-{path[-1]}")
def test_a_fault_at_any_request_costs_nothing(path: CallPath, kind: str) -> None:
    """Refused, timed out, its answer lost, or the function killed before or after it: the same outcome."""
    world = full_world(planned(path, kind))
    world.run()
    assert +world.faults.counts == {kind: 1}
    assert violations(world) == []


@cache
def in_line() -> list[CallPath]:
    """The ways to the requests that are about the line of those that wait for capacity."""
    world = scarce_world(planned(NOWHERE, THROTTLED))
    world.run()
    assert violations(world) == []
    return sorted(path for path in world.faults.paths if any("start/turn.py" in part for part in path))


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_while_runs_stand_in_line_costs_nothing(kind: str) -> None:
    """When the line is read, when a place is taken in it and when it is left: the same outcome."""
    assert len(in_line()) == 3
    for path in in_line():
        world = scarce_world(planned(path, kind))
        world.run()
        assert +world.faults.counts == {kind: 1}
        assert violations(world) == []
        assert len(world.sagemaker.jobs) == 2


@cache
def without_instances() -> list[CallPath]:
    """The ways to requests that are made because AWS had no instances for a while."""
    world = short_world(planned(NOWHERE, THROTTLED))
    world.run()
    assert violations(world) == []
    (upload,) = world.uploads
    assert len(world.jobs(upload.run)) == 3
    assert len(world.finals("digits-261122-170000-final")) == 2
    return sorted(world.faults.paths - undisturbed().paths)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_while_there_are_no_instances_costs_nothing(kind: str) -> None:
    """Of a run that gets its third job, and a final training that gets its second: the same outcome."""
    assert without_instances()
    for path in without_instances():
        world = short_world(planned(path, kind))
        world.run()
        assert +world.faults.counts == {kind: 1}
        assert violations(world) == []
        (upload,) = world.uploads
        assert world.sagemaker.jobs[world.jobs(upload.run)[-1]]["TransformJobStatus"] == "Completed"
        assert len(world.sagemaker.packages) == 2
