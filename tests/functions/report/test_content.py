"""The types of report.json agree with its schema."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from batch_prediction.figures import (
    accuracy,
    agreement,
    calibration,
    intervals,
    label_mix,
    ranking,
    risk_coverage,
    scores,
    slices,
)
from batch_prediction.report import content
from batch_prediction.runs import cost

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "report.schema.json").read_text())


def properties(schema: Any) -> set[str]:
    """The properties of an object in the schema, through references and alternatives with null."""
    if "$ref" in schema:
        return properties(SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])
    for alternative in schema.get("anyOf", []):
        if alternative.get("type") != "null":
            return properties(alternative)
    return properties(schema["items"]) if "items" in schema else set(schema["properties"])


@pytest.mark.parametrize(
    ("name", "type_of"),
    [
        ("coverage", content.Coverage),
        ("accuracy", content.Interval),
        ("classes", content.ClassFigures),
        ("confusions", content.Confusion),
        ("calibration", content.Calibration),
        ("estimate", content.Estimate),
        ("drift", content.Drift),
        ("agreement", content.Agreement),
        ("proper_scores", content.ProperScores),
        ("ranking", content.Ranking),
        ("risk_coverage", content.RiskCoverage),
        ("label_mix", content.LabelMix),
        ("suspected_labels", content.SuspectedLabels),
        ("slices", content.Slices),
        ("mistakes", content.Mistake),
        ("failures", content.Failure),
        ("unscored", content.Unscored),
        ("label_problems", content.LabelProblem),
        ("model", content.Model),
        ("transform_job", content.TransformJob),
        ("time", content.Time),
        ("cost", content.Cost),
    ],
)
def test_a_part_of_the_report_has_the_schemas_properties(name: str, type_of: type) -> None:
    """What the code may read is what the schema promises, no more and no less."""
    assert set(type_of.__annotations__) == properties(SCHEMA["properties"][name])


@pytest.mark.parametrize(
    ("figures", "type_of"),
    [
        (intervals.Interval, content.Interval),
        (accuracy.ClassFigures, content.ClassFigures),
        (accuracy.Confusion, content.Confusion),
        (calibration.Calibration, content.Calibration),
        (calibration.Bin, content.Bin),
        (agreement.Agreement, content.Agreement),
        (scores.ProperScores, content.ProperScores),
        (ranking.ClassRanking, content.ClassRanking),
        (ranking.Ranking, content.Ranking),
        (risk_coverage.RiskPoint, content.RiskPoint),
        (risk_coverage.OperatingPoint, content.OperatingPoint),
        (risk_coverage.RiskCoverage, content.RiskCoverage),
        (label_mix.LabelMix, content.LabelMix),
        (slices.Slice, content.Slice),
        (cost.Time, content.Time),
        (cost.Cost, content.Cost),
    ],
)
def test_figures_become_the_report_s_parts_as_they_are(figures: Any, type_of: type) -> None:
    """A field that only one of the two has would be a key that nobody expects."""
    assert {field.name for field in fields(figures)} == set(type_of.__annotations__)


def test_the_report_has_the_schemas_properties() -> None:
    """In the schema's order, which is that of report.json."""
    assert list(content.Report.__annotations__) == list(SCHEMA["properties"])
