"""The figures of a whole run's labelled images beyond accuracy, as report.json has them."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, TypedDict, cast

from batch_prediction.figures import score_bins
from batch_prediction.figures.agreement import agreement
from batch_prediction.figures.label_mix import label_mix
from batch_prediction.figures.ranking import ranking
from batch_prediction.figures.risk_coverage import risk_coverage
from batch_prediction.figures.scores import proper_scores
from batch_prediction.figures.smallest_difference import smallest_difference
from batch_prediction.labels import CONFIDENCE_UNIT
from batch_prediction.report import content
from batch_prediction.report.predictions import Tally

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

NO_PROBABILITIES = (
    "The model's artifact is of an earlier version: it gives each image a confidence, but not the "
    "probabilities of all ten digits. Train and approve a model with the current code."
)
ONE_DIGIT = "All labelled images have the same label: there is nothing to rank them above."
NO_TRAINING_MIX = "How frequent each digit was among the training images isn't known of this model."
FEW_FOR_MIX = "The batch has too few labelled images: of each digit at least five are to be expected."
FEW_FOR_DIFFERENCE = "Too few labelled images, or right ones among them, to show even the largest drop."


class ExpertFigures(TypedDict):
    """The keys of report.json that these figures fill; `unknown` says of each that is None why."""

    agreement: content.Agreement | None
    proper_scores: content.ProperScores | None
    ranking: content.Ranking | None
    risk_coverage: content.RiskCoverage | None
    label_mix: content.LabelMix | None
    smallest_difference: float | None
    unknown: dict[str, str]


NONE: ExpertFigures = {
    "agreement": None,
    "proper_scores": None,
    "ranking": None,
    "risk_coverage": None,
    "label_mix": None,
    "smallest_difference": None,
    "unknown": {},
}


def expert_figures(tally: Tally, training_mix: Sequence[float] | None = None) -> ExpertFigures:
    """The figures of a whole run; NONE for one without labels.

    `training_mix` are the shares of the ten digits among the images that the model was trained on.
    """
    matrix = tally.matrix
    if not tally.labelled:
        return NONE
    scored = tally.all_have_probabilities
    found: ExpertFigures = {
        "agreement": cast("content.Agreement | None", _json(agreement(matrix))),
        "proper_scores": cast(
            "content.ProperScores | None", _json(proper_scores(tally.scores) if scored else None)
        ),
        "ranking": cast(
            "content.Ranking | None",
            _json(ranking(tally.scores.bins, tally.scores.truths) if scored else None),
        ),
        "risk_coverage": cast(
            "content.RiskCoverage | None", _json(risk_coverage(*_by_threshold(tally, scored)))
        ),
        "label_mix": cast("content.LabelMix | None", _json(label_mix(list(map(sum, matrix)), training_mix))),
        "smallest_difference": smallest_difference(tally.right.total() / tally.labelled, tally.labelled),
        "unknown": {},
    }
    reasons = {
        "proper_scores": NO_PROBABILITIES,
        "ranking": ONE_DIGIT if scored else NO_PROBABILITIES,
        "label_mix": NO_TRAINING_MIX if training_mix is None else FEW_FOR_MIX,
        "smallest_difference": FEW_FOR_DIFFERENCE,
    }
    absent = {name for name, figure in found.items() if figure is None}
    found["unknown"] = {name: reason for name, reason in reasons.items() if name in absent}
    return found


def _by_threshold(tally: Tally, scored: bool) -> tuple[dict[float, int], dict[float, int]]:
    """The right and the wrong images by a threshold that their confidence exceeds.

    As fine as the probabilities' bins; of an earlier artifact, ten-thousandths, to which it rounded.
    """
    if not scored:
        right, wrong = (
            {(number - 0.5) / CONFIDENCE_UNIT: images for number, images in side.items()}
            for side in (tally.right, tally.wrong)
        )
        return right, wrong
    right, wrong = {}, {}
    for (is_right, number), images in tally.scores.outcomes.items():
        (right if is_right else wrong)[score_bins.below(number)] = images
    return right, wrong


def _json(figures: "DataclassInstance | None") -> object:
    return asdict(figures) if figures else None
