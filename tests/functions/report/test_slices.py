"""A run by the values of its manifest's other fields, in report.json."""

from typing import Any

import pytest

from batch_prediction.aws.clients import Clients
from tests.functions.report.transform_output import answer
from tests.sample_runs import Sample, report_of

ANSWERS: list[tuple[int | None, dict[str, Any]]] = [
    *[(7, answer(7, 0.9))] * 30,
    *[(7, answer(1, 0.9))] * 10,
    *[(None, answer(1, 0.9))] * 2,
    (7, {"error": "missing"}),
]


def test_each_value_is_counted(aws: Clients) -> None:
    """Scored images by value, with those that have a label; an image without a prediction is in no slice."""
    writers = [{"writer": "ann", "site": "x"}] * 28 + [{"writer": "bob", "site": "x"}] * 12
    fields = [*writers, {"writer": "eve"}, {}, {"writer": "bob"}]
    found = report_of(aws, Sample("sliced", ANSWERS, fields=fields))["slices"]
    assert [(each["field"], each["value"], each["images"], each["labelled"]) for each in found["values"]] == [
        ("writer", "bob", 12, 12),
        ("site", "x", 40, 40),
        ("writer", "ann", 28, 28),
        ("writer", "eve", 1, 0),
    ]
    bob, site, ann, eve = found["values"]
    assert bob["accuracy"]["value"] == pytest.approx(2 / 12)
    assert bob["difference"] == pytest.approx(2 / 12 - 1)
    assert [each["stands_out"] for each in (bob, site, ann, eve)] == [True, False, True, False]
    assert (site["difference"], eve["accuracy"]) == (None, None)
    assert found["left_out"] == []


def test_fields_that_divide_nothing_are_said(aws: Clients) -> None:
    """With the reason that run.json froze."""
    found = report_of(aws, Sample("sliced", ANSWERS, unsliced={"id": "more than 50 values"}))["slices"]
    assert found == {"values": [], "left_out": [{"field": "id", "reason": "more than 50 values"}]}


def test_without_other_fields_there_are_no_slices(aws: Clients) -> None:
    """Most manifests have none."""
    assert report_of(aws, Sample("sliced", ANSWERS))["slices"] is None
