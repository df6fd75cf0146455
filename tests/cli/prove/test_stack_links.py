"""The links around a batch, where a healthy stack doesn't lead."""

import json
from datetime import timedelta
from typing import Any

import pytest

from cli.prove import account, stack_links
from cli.prove.links import Broken, Seen, Waiting
from tests.cli.prove.told import Told


def test_the_links_around_come_in_their_order() -> None:
    """What has to be looked at last is what went wrong; the sweep has as long as its period."""
    links = stack_links.around(Told())
    assert [link.name for link in links] == ["topic", "sweep", "metrics", "dead letters"]
    assert links[1].patience == 17 * 60
    assert links[2].expected == "40 Expected in the namespace DigitBatch"
    assert all(link.advice for link in links)


def test_a_sweep_is_seen_in_its_log_since_one_period_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep that failed is broken, one that isn't due yet is waited for."""
    logged: list[str] = []
    asked: list[Any] = []

    def lines(_stack: Any, function: str, since: Any) -> list[str]:
        asked.append((function, since))
        return logged

    monkeypatch.setattr(account, "function_lines", lines)
    told = Told()
    assert stack_links.swept(told) == Waiting("its log is empty")
    assert asked == [("sweep", told.began - timedelta(minutes=15))]
    logged.append("START")
    assert stack_links.swept(told) == Seen("1 lines in its log")
    logged.append(json.dumps({"level": "ERROR", "message": "list failed"}))
    assert stack_links.swept(told) == Broken("list failed")


@pytest.mark.parametrize(("value", "kind"), [(0.0, Waiting), (39.0, Waiting), (40.0, Seen), (41.0, Seen)])
def test_metrics_are_those_of_the_whole_batch(
    monkeypatch: pytest.MonkeyPatch, value: float, kind: type[Any]
) -> None:
    """Others may have dropped a batch since; fewer than its lines are waited for."""
    monkeypatch.setattr(account, "metric", lambda *_: value)
    assert stack_links.measured(Told()) == kind(f"{value:.0f} Expected")


def test_dead_letters_are_counted_by_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every queue that holds a message is named."""
    counts = {"UploadDeadLetters": 0, "ReportDeadLetters": 0}
    monkeypatch.setattr(account, "dead_letters", lambda _stack: counts)
    assert stack_links.undelivered(Told()) == Seen("UploadDeadLetters, ReportDeadLetters")
    counts["ReportDeadLetters"] = 2
    assert stack_links.undelivered(Told()) == Broken("ReportDeadLetters holds 2")
