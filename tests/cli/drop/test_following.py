"""`digits drop --wait`: what it shows of a run."""

from types import SimpleNamespace
from typing import Any

import pytest

from batch_prediction.report import index
from batch_prediction.runs import decision, transform_job
from cli.drop import following
from cli.stack import Stack
from tests.functions.report.transform_jobs import job
from tests.functions.start.uploads import DECISION, RUN
from tests.settings_and_events import BUCKET

STACK = Stack("digits", {"BucketName": BUCKET})


@pytest.mark.parametrize(
    ("decided", "jobs", "entries", "expected"),
    [
        (None, [], [], "waits for start_transform"),
        (DECISION, [], [], "waits for its transform job"),
        (DECISION, [job("Failed"), job("InProgress")], [], ": InProgress"),
        (None, [], [{"waits": "waits for 1 of 3 images, e.g. a.png", "status": "Waiting"}], "1 of 3 images"),
        (DECISION, [], [{"status": "Refused"}], "Refused"),
        (None, [], [{"run": "another", "status": "Refused"}], "waits for start_transform"),
    ],
)
def test_a_run_without_a_report_says_what_it_waits_for(
    monkeypatch: pytest.MonkeyPatch, decided: Any, jobs: list[Any], entries: list[Any], expected: str
) -> None:
    """Its newest job and that one's status; else the reason in the list of all runs; else what comes next."""
    runs = [{"batch": RUN.batch, "run": RUN.id} | entry for entry in entries]
    monkeypatch.setattr(following, "client", lambda _service: None)
    monkeypatch.setattr(decision, "read", lambda *_: decided)
    monkeypatch.setattr(transform_job, "describe_attempts", lambda *_: iter(jobs))
    monkeypatch.setattr(index, "read", lambda *_: SimpleNamespace(runs=runs))
    assert expected in following.news(STACK, RUN)
