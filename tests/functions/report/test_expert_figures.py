"""The figures beyond accuracy, of what was counted."""

from collections import Counter

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss, roc_auc_score

from batch_prediction.figures.label_mix import label_mix
from batch_prediction.figures.smallest_difference import smallest_difference
from batch_prediction.report import expert_figures
from batch_prediction.report.expert_figures import ExpertFigures
from batch_prediction.report.predictions import Tally
from tests.functions.figures.scored import Labels, Probabilities, made, records


def tally_of(labels: Labels, probabilities: Probabilities, probabilities_known: bool = True) -> Tally:
    """What is counted of some labelled images."""
    tally = Tally()
    predictions, confidences = probabilities.argmax(1), probabilities.max(1)
    tally.pairs.update(zip(labels.tolist(), predictions.tolist(), strict=True))
    units = np.round(confidences * 10_000).astype(int)
    right = labels == predictions
    tally.right.update(units[right].tolist())
    tally.wrong.update(units[~right].tolist())
    if probabilities_known:
        tally.scores.add(records(labels, probabilities))
    return tally


def test_each_figure_is_over_the_same_images() -> None:
    """Those of predictions, of probabilities and of confidences are scikit-learn's for these images."""
    labels, probabilities = made(2_000)
    found = expert_figures.expert_figures(tally_of(labels, probabilities))
    assert found["agreement"]
    assert found["proper_scores"]
    assert found["proper_scores"]["log_loss"]
    assert found["ranking"]
    assert found["risk_coverage"]
    right = probabilities.argmax(1) == labels
    expected = balanced_accuracy_score(labels, probabilities.argmax(1))
    assert found["agreement"]["balanced_accuracy"]["value"] == pytest.approx(expected)
    expected = log_loss(labels, probabilities, labels=range(10))
    assert found["proper_scores"]["log_loss"]["value"] == pytest.approx(expected)
    expected = roc_auc_score(labels, probabilities, multi_class="ovr")
    assert found["ranking"]["auc"]["value"] == pytest.approx(expected, abs=1e-4)
    assert found["risk_coverage"]["curve"][-1]["risk"] == pytest.approx(1 - right.mean())
    assert found["smallest_difference"] == smallest_difference(float(right.mean()), 2_000)


def test_an_earlier_artifact_s_figures_lack_what_needs_probabilities() -> None:
    """A sentence says so; agreement, and risk by confidence in ten-thousandths, are there all the same."""
    labels, probabilities = made(2_000)
    with_them, without = (
        expert_figures.expert_figures(tally_of(labels, probabilities, known)) for known in (True, False)
    )
    assert (without["proper_scores"], without["ranking"]) == (None, None)
    assert without["unknown"]["ranking"] == expert_figures.NO_PROBABILITIES
    assert without["unknown"]["proper_scores"] == expert_figures.NO_PROBABILITIES
    assert without["agreement"] == with_them["agreement"]
    assert without["risk_coverage"]
    assert with_them["risk_coverage"]
    assert without["risk_coverage"]["augrc"]["value"] == pytest.approx(
        with_them["risk_coverage"]["augrc"]["value"], rel=0.02
    )
    confidences = np.round(probabilities.max(1), 4)
    for point in without["risk_coverage"]["curve"]:
        assert point["coverage"] == pytest.approx((confidences > point["threshold"]).mean())


def test_the_label_mix_needs_training_s() -> None:
    """With it there is a test; without it, or with too few images, there is a sentence."""
    labels, probabilities = made(400)
    shares = [0.1] * 10
    supports = np.bincount(labels, minlength=10).tolist()
    whole = expert_figures.expert_figures(tally_of(labels, probabilities), shares)
    few = expert_figures.expert_figures(tally_of(labels[:20], probabilities[:20]), shares)
    unknown = expert_figures.expert_figures(tally_of(labels, probabilities))
    expected = label_mix(supports, shares)
    assert expected
    assert whole["label_mix"] == vars(expected)
    assert whole["unknown"] == {}
    assert few["unknown"]["label_mix"] == expert_figures.FEW_FOR_MIX
    assert unknown["unknown"] == {"label_mix": expert_figures.NO_TRAINING_MIX}


def test_what_one_image_says_nothing_about_has_a_sentence() -> None:
    """One digit can't be ranked above others, and one image shows no difference."""
    labels, probabilities = made(1)
    found = expert_figures.expert_figures(tally_of(labels, probabilities))
    assert found["unknown"] == {
        "ranking": expert_figures.ONE_DIGIT,
        "label_mix": expert_figures.NO_TRAINING_MIX,
        "smallest_difference": expert_figures.FEW_FOR_DIFFERENCE,
    }


@pytest.mark.parametrize("tally", [Tally(), Tally(pairs=Counter({(None, 3): 5}))], ids=["none", "unlabelled"])
def test_without_labels_there_are_no_figures(tally: Tally) -> None:
    """Neither figures nor reasons: the report says that nothing is labelled."""
    nothing: ExpertFigures = expert_figures.expert_figures(tally)
    assert nothing == expert_figures.NONE
    assert set(nothing) == set(ExpertFigures.__annotations__)
