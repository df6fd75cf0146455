"""A run by the values of its manifest's other fields, as report.json has it."""

from dataclasses import asdict
from typing import cast

from batch_prediction.figures.slices import slices
from batch_prediction.report import content
from batch_prediction.report.predictions import Tally
from batch_prediction.runs.decision import Decision, Start


def by_value(tally: Tally, decided: Decision) -> content.Slices | None:
    """The slices of a whole run; None where its manifest has no other fields."""
    if not isinstance(decided, Start) or not (tally.slices or decided.unsliced):
        return None
    found = slices(tally.slices, tally.labelled, tally.right.total())
    return {
        "values": [cast("content.Slice", asdict(each)) for each in found],
        "left_out": [{"field": field, "reason": reason} for field, reason in decided.unsliced.items()],
    }
