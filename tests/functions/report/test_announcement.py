"""A report's metrics and its message."""

import json
from typing import Any

import pytest

from batch_prediction.aws.clients import Clients
from batch_prediction.report import announcement
from batch_prediction.settings import Settings
from tests.functions.notifications import Published
from tests.functions.start.uploads import RUN
from tests.settings_and_events import BUCKET, SETTINGS

COMPLETED: Any = {
    "batch": RUN.batch,
    "run": RUN.id,
    "status": "Completed",
    "reason": None,
    "coverage": {"expected": 5, "scored": 3, "unreadable": 1, "missing": 1},
    "labelled": 2,
    "accuracy": {"value": 0.5},
    "estimate": None,
    "drift": None,
    "failures": [
        {"reason": "missing", "images": 1, "example": "s3://b/1.png"},
        {"reason": "not an image", "images": 1, "example": "s3://b/2.png"},
    ],
}
REFUSED: Any = COMPLETED | {
    "status": "Refused",
    "reason": "no approved package",
    "coverage": {"expected": 5, "scored": 0, "unreadable": 1, "missing": 4},
    "labelled": 0,
    "accuracy": None,
}


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (
            COMPLETED,
            {"Expected": 5, "Scored": 3, "Unreadable": 1, "Missing": 1, "NotCompleted": 0, "Accuracy": 0.5},
        ),
        (REFUSED, {"Expected": 5, "Scored": 0, "Unreadable": 1, "Missing": 4, "NotCompleted": 1}),
    ],
    ids=["completed", "refused"],
)
def test_the_metrics_are_the_report_s_figures(
    capsys: pytest.CaptureFixture[str], report: Any, expected: dict[str, float]
) -> None:
    """A run without an accuracy has no value of that metric: zero would be a figure."""
    announcement.measure(SETTINGS, report)
    line = json.loads(capsys.readouterr().out)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert {metric["Name"]: line[metric["Name"]] for metric in directive["Metrics"]} == expected
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert units == {name: "None" if name == "Accuracy" else "Count" for name in expected}
    assert (line["Name"], line["batch"], line["run"]) == ("digits", RUN.batch, RUN.id)
    assert line["status"] == report["status"]


def test_the_message_about_a_completed_run_has_its_figures(
    aws: Clients, settings: Settings, published: Published
) -> None:
    """Who subscribed reads how it went, of how many images, and where the report lies."""
    announcement.notify_people(aws.sns, settings, RUN, COMPLETED)
    (message,) = published()
    assert message["Subject"] == "digits: Completed, 3 of 5 read, 50.00%, batch b7"
    assert message["Message"].splitlines() == [
        f"Batch b7, run {RUN.id}: Completed, 3 of 5 read.",
        "Images: 5 expected, 3 scored, 1 unreadable, 1 missing.",
        "Accuracy: 50.00% of 2 labelled images",
        "Without a prediction:",
        "- missing: 1, e.g. s3://b/1.png",
        "- not an image: 1, e.g. s3://b/2.png",
        f"Report: s3://{BUCKET}/{RUN.report}",
    ]


def test_the_message_about_a_refused_run_has_its_reason(
    aws: Clients, settings: Settings, published: Published
) -> None:
    """It comes before the figures, and no accuracy is claimed."""
    announcement.notify_people(aws.sns, settings, RUN, REFUSED)
    (message,) = published()
    assert message["Subject"] == "digits: Refused, no accuracy, batch b7"
    assert message["Message"].splitlines()[1] == "no approved package"
    assert "Accuracy" not in message["Message"]


def test_the_message_names_few_reasons(aws: Clients, settings: Settings, published: Published) -> None:
    """An e-mail isn't a list of all that is wrong: the five most frequent reasons are in it."""
    reasons = [{"reason": f"reason {number}", "images": 1, "example": "x"} for number in range(20)]
    announcement.notify_people(aws.sns, settings, RUN, COMPLETED | {"failures": reasons})
    (message,) = published()
    said = [line for line in message["Message"].splitlines() if line.startswith("- ")]
    assert said == [f"- reason {number}: 1, e.g. x" for number in range(5)]


UNTRUSTED = {"value": None, "low": None, "high": None, "reason": "the mean doubt is higher than expected"}


@pytest.mark.parametrize(
    ("estimate", "drift", "line"),
    [
        (
            {"value": 0.99, "low": 0.981, "high": 0.996, "reason": None},
            {},
            "Accuracy estimated without labels: 99.00%, 95 % interval 98.10% to 99.60%",
        ),
        (
            UNTRUSTED,
            {},
            "Accuracy without labels: not to be estimated, as the mean doubt is higher than expected",
        ),
        (UNTRUSTED | {"reason": "no reference"}, None, None),
        (None, None, None),
    ],
    ids=["estimated", "drifted", "no reference", "nothing scored"],
)
def test_the_message_has_the_estimate_or_that_there_is_drift(
    aws: Clients, settings: Settings, published: Published, estimate: Any, drift: Any, line: str | None
) -> None:
    """Who subscribed learns how a batch without labels probably went, or that it is unlike the others."""
    announcement.notify_people(
        aws.sns, settings, RUN, COMPLETED | {"accuracy": None, "estimate": estimate, "drift": drift}
    )
    (message,) = published()
    said = [each for each in message["Message"].splitlines() if "without labels" in each]
    assert said == ([line] if line else [])
