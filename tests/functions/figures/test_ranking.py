"""ROC AUC and average precision, one digit against the rest."""

from statistics import fmean

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from batch_prediction.figures import score_bins
from batch_prediction.figures.intervals import Interval, score
from batch_prediction.figures.ranking import Ranking, ranking
from batch_prediction.figures.scores import Scores
from tests.functions.figures.scored import Labels, Probabilities, made, real, records, softmax


def ranked(labels: Labels, probabilities: Probabilities) -> Ranking | None:
    """The ranking of some images."""
    found = Scores()
    found.add(records(labels, probabilities))
    return ranking(found.bins, found.truths)


def quantised(probabilities: Probabilities) -> Probabilities:
    """The probabilities that stand for the bins of these."""
    bins = score_bins.bins(probabilities.ravel().tolist())
    return np.array([score_bins.value(each) for each in bins]).reshape(-1, 10)


@pytest.mark.parametrize("images", [real(), made(3_000), made(40, 2)], ids=["real", "made", "few"])
def test_the_figures_are_scikit_learn_s(images: tuple[Labels, Probabilities]) -> None:
    """Exactly for the probabilities as they are kept. For the probabilities themselves, of many images,
    within 1e-4, and the average precision of a weak model within 5e-4.
    """
    labels, probabilities = images
    nearly = 1e-4 if len(labels) > 1_000 else 1e-2
    found = ranked(labels, probabilities)
    assert found is not None
    kept = quantised(probabilities)
    for each in found.classes:
        own = labels == each.label
        assert each.auc is not None
        assert each.average_precision is not None
        for scores, within in ((kept, 1e-12), (probabilities, nearly)):
            of_digit = scores[:, each.label]
            assert each.auc.value == pytest.approx(roc_auc_score(own, of_digit), abs=within)
            expected = average_precision_score(own, of_digit)
            assert each.average_precision.value == pytest.approx(expected, abs=5 * within)


def variance_of_delong(positives: Probabilities, negatives: Probabilities) -> float:
    """DeLong's variance of an AUC by its definition, over all pairs."""
    order = (positives[:, None] > negatives) + 0.5 * (positives[:, None] == negatives)
    return float(order.mean(1).var(ddof=1) / len(positives) + order.mean(0).var(ddof=1) / len(negatives))


def test_the_area_s_variance_is_delong_s() -> None:
    """Its interval is Wilson's of as many images as a share with that variance would have."""
    labels, probabilities = real()
    found = ranked(labels, probabilities)
    assert found is not None
    kept = quantised(probabilities)
    for each in found.classes:
        own = labels == each.label
        assert each.auc is not None
        variance = variance_of_delong(kept[own, each.label], kept[~own, each.label])
        expected = score(each.auc.value, each.auc.value * (1 - each.auc.value) / variance)
        assert (each.auc.low, each.auc.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize("figure", ["auc", "average_precision"])
def test_an_interval_s_width_is_that_of_other_samples(figure: str) -> None:
    """The figure scatters over samples of the same images as its interval says, within an eighth."""
    measure = roc_auc_score if figure == "auc" else average_precision_score
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 10, 3_000)
    probabilities = softmax(generator.normal(0, 1, (3_000, 10)) + 1.5 * np.eye(10)[labels])
    values = []
    for _ in range(300):
        drawn = generator.integers(0, 3_000, 3_000)
        values.append(measure(labels[drawn] == 3, probabilities[drawn, 3]))
    found = ranked(labels, probabilities)
    assert found is not None
    interval: Interval = getattr(found.classes[3], figure)
    assert (interval.high - interval.low) / 2 / 1.96 == pytest.approx(np.std(values), rel=1 / 8)


def test_a_perfect_ranking_isn_t_certain() -> None:
    """20 images of each digit in order: the area is 1, its interval that of 20 of 20."""
    labels = np.repeat(np.arange(10), 20)
    found = ranked(labels, 0.9 * np.eye(10)[labels] + 0.01)
    assert found is not None
    assert {each.auc for each in found.classes} == {score(1.0, 20)}
    assert {each.average_precision for each in found.classes} == {score(1.0, 20)}


def test_a_reversed_ranking_is_0_and_ties_are_a_half() -> None:
    """The label has the least probability; or all are equal."""
    labels = np.repeat(np.arange(10), 20)
    worst, ties = ranked(labels, (1 - np.eye(10)[labels]) / 9), ranked(labels, np.full((200, 10), 0.1))
    assert worst is not None
    assert ties is not None
    assert (worst.auc.value, worst.auc.low) == (0, 0)
    assert ties.auc.value == 0.5
    assert ties.average_precision.value == pytest.approx(0.1)


def test_a_mean_is_over_the_digits_that_occur() -> None:
    """Two digits have figures, of the others there is no image; their mean's ends are the ends' means."""
    labels, probabilities = made(400, 5)
    some = labels < 2
    found = ranked(labels[some], probabilities[some])
    assert found is not None
    known = [each.auc for each in found.classes if each.auc]
    assert [each.label for each in found.classes if each.average_precision] == [0, 1]
    assert len(known) == 2
    for end in ("value", "low", "high"):
        assert getattr(found.auc, end) == pytest.approx(fmean(getattr(each, end) for each in known))


def test_one_digit_alone_has_no_ranking() -> None:
    """There is nothing to rank its images above; nor is there without images."""
    labels, probabilities = made(200, 6)
    assert ranked(labels[labels == 3], probabilities[labels == 3]) is None
    assert ranking(Scores().bins, {}) is None
