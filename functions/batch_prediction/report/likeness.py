"""What a report says of a batch without needing its labels: its estimated accuracy, and its drift.

Both compare the batch's answers with the reference of the model that gave them, which register_model has put
next to the model's other files.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from batch_prediction.aws import objects
from batch_prediction.figures import drift, estimate, reference
from batch_prediction.figures.doubts import BINS, Doubts, upper_edge
from batch_prediction.figures.reference import Reference
from batch_prediction.layout import training_reference
from batch_prediction.report.content import Drift, Estimate
from batch_prediction.runs.decision import Decision, Start

if TYPE_CHECKING:
    from batch_prediction.aws.types import S3Client

NO_REFERENCE = (
    "the model has no reference.json: it was trained by an earlier version, or without images held out; "
    "train a model with digits tune"
)
NO_PROBABILITIES = (
    "the model's answers have no probabilities: an earlier version packed it; train a model with digits tune"
)
UNLIKE = "the model isn't as sure of this batch as of the images that it was measured on"


@dataclass(frozen=True)
class Known:
    """A model's reference, or the reason why there is none."""

    reference: Reference | None
    reason: str = NO_REFERENCE


def read(s3: "S3Client", bucket: str, decided: Decision) -> Known:
    """The reference of the model that a run's decision froze; one that can't be read stops no report."""
    if not isinstance(decided, Start) or decided.training_job is None:
        return Known(None)
    body = objects.read_bytes(s3, bucket, training_reference(decided.training_job))
    if body is None:
        return Known(None)
    try:
        return Known(reference.read(orjson.loads(body)))
    except ValueError as error:
        return Known(None, str(error))


def compare(batch: Doubts, scored: int, known: Known) -> tuple[Estimate | None, Drift | None]:
    """The estimate and the drift of a completed run's `scored` images, of which `batch` has the doubts.

    Both are None without images; without a reference or probabilities there is no drift, and the estimate
    says why it has no value. Nor has it one where the batch is unlike the reference: no number is better than
    a wrong one.
    """
    if not scored:
        return None, None
    if batch.images < scored:
        return _without(NO_PROBABILITIES), None
    if known.reference is None:
        return _without(known.reason), None
    compared = drift.compare(batch, known.reference)
    interval = estimate.estimate(batch, known.reference)
    if compared is None or interval is None:
        return None, None
    found: Estimate = {
        "value": interval.value,
        "low": interval.low,
        "high": interval.high,
        "method": estimate.METHOD,
        "trusted": True,
        "reason": None,
    }
    if compared.doubted:
        names = "; ".join(_WORDS[each.name] for each in compared.doubted)
        found = _without(f"{UNLIKE}: {names}")
    return found, _drift(compared)


_WORDS: dict[drift.Name, str] = {
    "kolmogorov_smirnov": "more images than expected are in doubt (Kolmogorov–Smirnov)",
    "doubt": "the mean doubt is higher than expected",
    "population_stability": "confidences are spread differently (population stability index)",
    "prediction_mix": "the mix of predictions differs (χ²)",
}


def _without(reason: str) -> Estimate:
    return {
        "value": None,
        "low": None,
        "high": None,
        "method": estimate.METHOD,
        "trusted": False,
        "reason": reason,
    }


def _drift(compared: drift.Drift) -> Drift:
    return {
        "statistics": [
            {
                "name": each.name,
                "value": each.value,
                "threshold": each.threshold,
                "drifted": each.drifted,
                "decisive": each.name in drift.DECISIVE,
            }
            for each in compared.statistics
        ],
        "doubts": [
            {
                "low": 0.0 if number == BINS - 1 else upper_edge(number + 1),
                "high": upper_edge(number),
                "expected": expected,
                "found": found,
            }
            for number, (expected, found) in enumerate(zip(compared.expected, compared.found, strict=True))
        ],
        "predictions": [
            {"label": label, "expected": expected, "found": found}
            for label, (expected, found) in enumerate(
                zip(compared.expected_mix, compared.found_mix, strict=True)
            )
        ],
    }


def is_unlike(drifted: Drift | None) -> bool:
    """Whether a batch is so unlike its model's reference that the model's confidence isn't to be trusted."""
    return drifted is not None and any(each["drifted"] and each["decisive"] for each in drifted["statistics"])
