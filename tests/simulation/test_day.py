"""Many batches at once, few slots, and functions that take time: each batch has its turn."""

import pytest

from batch_prediction.start.turn import Line
from tests.simulation import day
from tests.simulation.day import Day, Size
from tests.simulation.world import World

SMALL = Size(batches=300, burst=100, hours=0.75)  # as many an hour as in the whole day


def test_every_batch_has_its_turn_and_no_function_passes_its_time() -> None:
    """Each has one job and one report; the longest wait is at most 1.5 times the fair one."""
    world = Day(0, SMALL)
    world.run()
    assert world.violations() == []
    assert len(world.started) == len(world.sns.published) == SMALL.batches
    assert world.longest_wait(world.fair()) > 1500  # there was something to wait for
    assert all(world.longest[name] > 0.2 for name in day.FUNCTIONS)
    assert world.asked  # of the events that were lost


def test_a_day_on_which_nobody_stands_back_is_unfair(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an order among those who wait, some of the oldest are passed over again and again."""
    monkeypatch.setattr(Line, "is_turn_of", lambda *_: True)
    world = Day(0, SMALL)
    world.run()
    (text,) = world.violations()
    assert "times the longest fair wait" in text


def test_a_function_that_passes_its_time_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that take a minute are more than a function has time for."""
    monkeypatch.setattr(day, "REQUEST", 60.0)
    world = Day(0, Size(batches=2, burst=2, hours=0.1, quota=2))
    world.run()
    assert [text.split(" took ")[0] for text in world.violations()] == [
        "StartTransform",
        "WriteReport",
        "Sweep",
    ]


def test_a_fair_wait_is_first_in_first_out_over_the_slots() -> None:
    """Three jobs of a hundred seconds on two slots: the third waits for the first that ends."""
    world = Day(0, Size(batches=0, burst=0, quota=2))
    world.ready = {"third": 30.0, "first": 10.0, "second": 20.0, "late": 500.0}
    world.work = {"first": 100.0, "second": 100.0, "third": 100.0, "late": 1.0}
    assert world.fair() == {"first": 10, "second": 20, "third": 110, "late": 500}
    assert world.longest_wait(world.fair()) == 80


def test_at_most_so_many_functions_work_on_a_queue_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event source's MaximumConcurrency; what comes meanwhile waits in the queue, and is done."""
    monkeypatch.setattr(day, "REQUEST", 2.0)  # so that 50 batches in a minute are many
    world = Day(0, Size(batches=50, burst=50, hours=0.1, quota=50))
    at_work: list[int] = []
    deliver = World.deliver

    def noted(worker: World, handle: str) -> None:
        at_work.append(5 - world.free["uploads"])
        deliver(worker, handle)

    monkeypatch.setattr(World, "deliver", noted)
    world.run()
    assert world.violations() == []
    assert max(at_work) == 5
    assert world.deepest["uploads"] > 5
    assert world.free == {"uploads": 5, "reports": 5}
