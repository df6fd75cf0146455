"""CloudWatch's embedded metric format."""

import json
import time

import pytest

from batch_prediction.aws import metrics


def test_metrics_are_one_line_in_the_embedded_format(capsys: pytest.CaptureFixture[str]) -> None:
    """CloudWatch reads namespace, dimension, units and values from it; properties can be searched for."""
    before = time.time_ns() // 1_000_000
    metrics.emit(
        "digits", {"Scored": (3, "Count"), "Accuracy": (0.5, "None")}, batch="b7", status="Completed"
    )
    (text,) = capsys.readouterr().out.splitlines()
    line = json.loads(text)
    assert before <= line["_aws"].pop("Timestamp") <= time.time_ns() // 1_000_000
    assert line == {
        "_aws": {
            "CloudWatchMetrics": [
                {
                    "Namespace": "DigitBatch",
                    "Dimensions": [["Name"]],
                    "Metrics": [{"Name": "Scored", "Unit": "Count"}, {"Name": "Accuracy", "Unit": "None"}],
                }
            ]
        },
        "Name": "digits",
        "batch": "b7",
        "status": "Completed",
        "Scored": 3,
        "Accuracy": 0.5,
    }


def test_a_line_break_in_a_property_stays_in_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A batch can be called anything: its name makes no second line in the log."""
    metrics.emit("digits", {"Scored": (3, "Count")}, batch='a\n{"_aws": 1}')
    (text,) = capsys.readouterr().out.splitlines()
    assert json.loads(text)["batch"] == 'a\n{"_aws": 1}'
