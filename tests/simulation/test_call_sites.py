"""One fault at every request that the functions make, of each kind: nothing is lost, doubled or wrong."""

import random
from functools import cache

import pytest

from tests.recording import Site, call_sites
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
from tests.simulation.schedules import full_world

SITES = sorted(site for site in call_sites() if site.file.startswith("functions/"))
NOWHERE = Site("", "", "")


def planned(site: Site, kind: str) -> Faults:
    """One fault, at the first request from a site."""
    return Faults(random.Random(1), plan=(site, kind))  # noqa: S311 (no secret)


@cache
def visited() -> frozenset[Site]:
    """The call sites that the full world visits when nothing goes wrong."""
    world = full_world(planned(NOWHERE, THROTTLED))
    world.run()
    assert violations(world) == []
    return frozenset(world.faults.visited.sites)


def test_every_call_site_of_the_functions_is_enumerated() -> None:
    """The sites are read from the sources: a new one fails here until a world visits it."""
    assert visited() == set(SITES)
    assert len(SITES) > 40


@pytest.mark.parametrize("kind", [CRASH_BEFORE, CRASH_AFTER, THROTTLED, FAILED, TIMED_OUT, ANSWER_LOST])
@pytest.mark.parametrize("site", SITES, ids=lambda site: f"{site.function}-{site.operation}")
def test_a_fault_at_any_request_costs_nothing(site: Site, kind: str) -> None:
    """Refused, timed out, its answer lost, or the function gone before or after it: all ends as ever."""
    world = full_world(planned(site, kind))
    world.run()
    assert +world.faults.counts == {kind: 1}
    assert violations(world) == []
