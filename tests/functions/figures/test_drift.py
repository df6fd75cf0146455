"""Drift statistics, against SciPy, and what they make of batches like the reference and unlike it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import rel_entr
from scipy.stats import chi2, chi2_contingency, ks_2samp

from batch_prediction.figures import drift
from batch_prediction.figures.doubts import BINS, Doubts
from batch_prediction.figures.drift import Drift, Statistic, chi_squared, compare, psi
from batch_prediction.figures.reference import Reference
from tests.functions.figures.references import LABELS_ALIKE, Answer, answers, doubts, reference

COUNTS = st.lists(st.integers(0, 500), min_size=10, max_size=10).filter(any)


def compared(batch: list[Answer], known: Reference | None = None) -> Drift:
    """A batch's comparison with a reference."""
    found = compare(doubts(batch), known or reference())
    assert found is not None
    return found


def statistic(found: Drift, name: drift.Name) -> Statistic:
    """One of a comparison's statistics."""
    return next(each for each in found.statistics if each.name == name)


@given(COUNTS, COUNTS)
def test_chi_squared_is_scipys(counts: list[int], others: list[int]) -> None:
    """Over the categories that either sample has, Pearson's statistic is SciPy's."""
    table = np.array([counts, others])
    table = table[:, table.sum(0) > 0]
    expected = chi2_contingency(table, correction=False).statistic if table.shape[1] > 1 else 0
    assert chi_squared(counts, others) == pytest.approx(expected, abs=1e-9)


def test_chi_squareds_thresholds_are_scipys_quantiles() -> None:
    """The constants are the 99.9 % quantiles: of the bins' 15 degrees of freedom, and the labels' 9."""
    known = reference()
    found = compared(answers(500, seed=1), known)
    assert statistic(found, "prediction_mix").threshold == pytest.approx(chi2.ppf(0.999, 9), abs=1e-3)
    noise = 1 / 500 + 1 / known.images
    expected = 0.1 + chi2.ppf(0.999, BINS - 1) * noise
    assert statistic(found, "population_stability").threshold == pytest.approx(expected, abs=1e-5)


@given(COUNTS, COUNTS)
def test_psi_is_the_sum_of_both_relative_entropies(counts: list[int], others: list[int]) -> None:
    """With half an image more in each bin, it is Jeffreys' divergence, of which SciPy has each half."""
    one, other = (np.array(each) + 0.5 for each in (counts, others))
    one, other = one / one.sum(), other / other.sum()
    expected = rel_entr(one, other).sum() + rel_entr(other, one).sum()
    assert psi(counts, [float(count) for count in others]) == pytest.approx(expected)


@given(st.integers(0, 50), st.floats(2, 6))
def test_kolmogorov_smirnov_is_scipys_one_sided_of_the_bins(seed: int, power: float) -> None:
    """Of a batch with the reference's mix, it is SciPy's of the doubts' bins, towards more doubt."""
    known, batch = answers(400, seed=100), answers(300, seed, power)
    found = compared(batch, Reference(doubts(known), 390, LABELS_ALIKE))
    samples = [
        [number for number, count in enumerate(doubts(given).histogram) for _ in range(count)]
        for given in (batch, known)
    ]
    expected = ks_2samp(*samples, alternative="greater").statistic
    assert statistic(found, "kolmogorov_smirnov").value == pytest.approx(expected, abs=1e-12)


def test_kolmogorov_smirnovs_threshold_is_the_tests_one_per_cent_and_a_tolerance() -> None:
    """With 0.05 less, it is what exp(-2 D² nm / (n + m)) makes 1 %, as for large samples SciPy has it."""
    known = reference()
    threshold = statistic(compared(answers(800, seed=1), known), "kolmogorov_smirnov").threshold - 0.05
    assert np.exp(-2 * threshold**2 / (1 / 800 + 1 / known.images)) == pytest.approx(0.01)


def test_the_doubt_that_is_expected_is_the_references_mean() -> None:
    """Its threshold is 1.2 times that and three standard deviations of both, by prediction, in NumPy."""
    known, batch = answers(2_000, seed=8), answers(500, seed=9)
    threshold = statistic(compared(batch, Reference(doubts(known), 1_990, LABELS_ALIKE)), "doubt").threshold
    by_label = [np.array([1 - c for p, c in known if p == label]) for label in range(10)]
    mean = np.mean([own.mean() for own in by_label])
    variance = np.mean([own.var() for own in by_label]) / 500
    variance += sum(0.01 * own.var() / len(own) for own in by_label)
    assert threshold == pytest.approx(1.2 * mean + 3 * np.sqrt(variance))


def test_batches_like_the_reference_have_not_drifted() -> None:
    """Of 200 batches drawn as the reference was, of 200 images each, at most two have a statistic above."""
    known = reference()
    drifted = sum(
        any(each.drifted for each in compared(answers(200, seed=50 + seed), known).statistics)
        for seed in range(200)
    )
    assert drifted <= 2


def test_more_doubt_is_drift_and_decides() -> None:
    """A batch with thirty times the doubt is found by all statistics that decide."""
    found = compared(answers(200, seed=1, power=2.5))
    assert [each.name for each in found.doubted] == ["kolmogorov_smirnov", "doubt", "population_stability"]
    assert not statistic(found, "prediction_mix").drifted


def test_a_little_less_doubt_is_no_reason_for_distrust() -> None:
    """A final model, which has seen more images, is a little surer than its trial."""
    assert compared(answers(500, seed=1, power=4.3)).doubted == []


def test_much_less_doubt_is_a_reason_for_distrust() -> None:
    """A batch that a model is far too sure of is found by the stability index alone."""
    found = compared(answers(500, seed=1, power=6))
    assert [each.name for each in found.doubted] == ["population_stability"]


def test_a_batch_of_sevens_is_compared_with_sevens() -> None:
    """Sevens that are doubted as the reference's sevens are differ in the mix alone."""
    harder = [(p, 1 - min(0.8, (1 - c) * 30) if p == 7 else c) for p, c in answers(5_000, seed=0)]
    known = Reference(doubts(harder), 4_900, LABELS_ALIKE)
    sevens = [(p, 1 - min(0.8, (1 - c) * 30)) for p, c in answers(5_000, seed=1) if p == 7]
    found = compared(sevens, known)
    assert [each.name for each in found.statistics if each.drifted] == ["prediction_mix"]
    assert found.found_mix[7] == 1
    plain = compared([(number % 10, confidence) for number, (_, confidence) in enumerate(sevens)], known)
    assert plain.doubted  # the same doubts about other digits are drift


def test_both_distributions_are_shares() -> None:
    """What is drawn of a batch and of its reference adds up to 1 each."""
    found = compared(answers(300, seed=4))
    for shares in (found.expected, found.found, found.expected_mix, found.found_mix):
        assert sum(shares) == pytest.approx(1)
    assert found.found == [count / 300 for count in doubts(answers(300, seed=4)).histogram]


def test_digits_that_the_reference_never_read_are_left_out_of_what_is_expected() -> None:
    """A reference without an eight says what to expect of the others, and of eights alone of all."""
    known = Reference(doubts([each for each in answers(1_000, seed=0) if each[0] != 8]), 890, LABELS_ALIKE)
    for batch in (answers(200, seed=1), [(8, 0.99)] * 40):
        found = compared(batch, known)
        assert sum(found.expected) == pytest.approx(1)
        assert statistic(found, "prediction_mix").drifted


def test_nothing_scored_is_compared_with_nothing() -> None:
    """A batch without a single answer has no statistics."""
    assert compare(Doubts(), reference()) is None
