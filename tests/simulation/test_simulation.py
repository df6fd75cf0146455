"""The real handlers over seeded schedules of drops, duplicates, delays, lost answers and crashes."""

from collections import Counter

import pytest

from tests.simulation.__main__ import search, simulate
from tests.simulation.bugs import BUGS
from tests.simulation.faults import KINDS, Faults
from tests.simulation.properties import violations
from tests.simulation.schedules import plain_world, random_world
from tests.simulation.world import DELIVERIES, POISON

FAULTS = 100_000
WORLDS = 150  # within which a planted bug is found


def test_nothing_is_lost_scored_twice_or_reported_wrongly() -> None:
    """In 100,000 faults every run has its one report, of its one paid job; a failing seed can be replayed."""
    counts: Counter[str] = Counter()
    broken: dict[str, list[tuple[str, str]]] = {}
    for seed, happened, found in search(FAULTS, first=0, processes=2):
        counts += happened
        if found:
            broken[f"python -m tests.simulation --seed {seed}"] = found
    assert broken == {}
    assert counts.total() >= FAULTS
    assert all(counts[kind] for kind in KINDS)
    for kind in (
        "event lost",
        "event twice",
        "job stuck",
        "InternalServerError",
        "output short",
        "output mixed up",
        "no capacity",
        "package deleted",
    ):
        assert counts[kind] > 100


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str) -> None:
    """Each property is one that a bug in the handlers breaks, within 150 worlds."""
    bug = BUGS[name]
    with bug.planted():
        found = (kind for seed in range(WORLDS) for kind, _ in simulate(seed)[1])
        assert bug.breaks in found


def test_an_unreadable_message_is_kept_after_five_deliveries() -> None:
    """The poison message is in the dead-letter queue, also after a redrive; the other batch is done."""
    world = plain_world(1, Faults(random_world(1).draw, rate=0.0))
    world.at(1, world.send, "uploads", POISON, 0)
    world.run()
    assert violations(world) == []
    (handle,) = world.dead
    assert (world.messages[handle].body, world.messages[handle].deliveries) == (POISON, DELIVERIES)


def test_a_seed_is_the_same_world_again() -> None:
    """What happens follows from the seed alone, to the byte and the order."""
    first, second = random_world(11), random_world(11)
    first.run()
    second.run()
    assert first.s3.versions == second.s3.versions
    assert first.faults.counts == second.faults.counts
    assert first.faults.counts.total() > 5


def test_without_faults_a_report_is_announced_once() -> None:
    """One run, one job, one version of its report, one message."""
    world = plain_world(1, Faults(random_world(1).draw, rate=0.0))
    world.faults.active = False
    world.run()
    assert violations(world) == []
    assert len(world.sagemaker.jobs) == len(world.sns.published) == 1
    (upload,) = world.uploads
    assert len(world.s3.versions[upload.run.report]) == 1
    assert "2 scored, 1 unreadable, 0 missing" in world.sns.published[0]
