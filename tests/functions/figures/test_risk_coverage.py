"""Risk, coverage, and thresholds of confidence."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from batch_prediction.figures import score_bins
from batch_prediction.figures.intervals import score, wilson
from batch_prediction.figures.risk_coverage import RiskCoverage, risk_coverage
from tests.functions.figures.scored import Labels, Probabilities, made, real

Flags = NDArray[np.bool_]
IMAGES = st.lists(st.tuples(st.integers(1, 20).map(lambda n: n / 20), st.booleans()), min_size=1, max_size=80)


def counted(confidences: Probabilities, right: Flags) -> RiskCoverage | None:
    """Risk and coverage of images with these confidences."""
    keys = [score_bins.below(each) for each in score_bins.bins(confidences.tolist())]
    outcomes = Counter(zip(keys, right.tolist(), strict=True))
    by_side = [{key: count for (key, ok), count in outcomes.items() if ok is side} for side in (True, False)]
    return risk_coverage(*by_side)


def outcome(images: tuple[Labels, Probabilities]) -> tuple[Probabilities, Flags]:
    """Confidences, and which predictions are right."""
    labels, probabilities = images
    return probabilities.max(1), probabilities.argmax(1) == labels


@given(IMAGES)
def test_the_area_is_that_of_the_paper(images: list[tuple[float, bool]]) -> None:
    """Equation 8 of Traub et al.: from the AUC of confidence as a sign of being right, and the accuracy."""
    right, confidences = [ok for _, ok in images], [confidence for confidence, _ in images]
    found = risk_coverage(Counter(c for c, ok in images if ok), Counter(c for c, ok in images if not ok))
    accuracy = sum(right) / len(right)
    area = roc_auc_score(right, confidences) if 0 < accuracy < 1 else 1.0
    assert found is not None
    expected = (1 - area) * accuracy * (1 - accuracy) + (1 - accuracy) ** 2 / 2
    assert found.augrc.value == pytest.approx(expected, abs=1e-12)


def test_the_area_is_the_trapezoids_below_the_generalised_risk() -> None:
    """The share of all images that is accepted and wrong, over the share that is accepted."""
    confidences, right = outcome(real())
    found = counted(confidences, right)
    order = np.argsort(-confidences, kind="stable")
    risks = np.concatenate([[0], np.cumsum(~right[order])]) / len(right)
    assert found is not None
    assert found.augrc.value == pytest.approx(np.trapezoid(risks, dx=1 / len(right)), rel=0.01)


def test_the_area_s_interval_is_as_wide_as_other_samples_scatter() -> None:
    """Over 200 samples of the same images, within a seventh."""
    generator = np.random.default_rng(1)
    confidences = generator.beta(4, 1, 2_000)
    right = generator.random(2_000) < confidences
    values = []
    for _ in range(200):
        drawn = generator.integers(0, 2_000, 2_000)
        sample = counted(confidences[drawn], right[drawn])
        assert sample is not None
        values.append(sample.augrc.value)
    found = counted(confidences, right)
    assert found is not None
    assert (found.augrc.high - found.augrc.low) / 2 / 1.96 == pytest.approx(np.std(values), rel=0.15)


@pytest.mark.parametrize("images", [real(), made(10_000)], ids=["real", "made"])
def test_every_point_counts_the_images_above_its_threshold(images: tuple[Labels, Probabilities]) -> None:
    """Coverage and risk, with Wilson's interval; from some coverage to all in steps of a fiftieth."""
    confidences, right = outcome(images)
    found = counted(confidences, right)
    assert found is not None
    for point in found.curve:
        above = confidences > point.threshold
        assert point.coverage == pytest.approx(above.mean())
        expected = wilson(int((~right[above]).sum()), int(above.sum()))
        assert expected is not None
        assert (point.risk, point.low, point.high) == (expected.value, expected.low, expected.high)
    coverages = [point.coverage for point in found.curve]
    assert coverages == sorted(coverages)
    assert coverages[-1] == 1
    assert 10 < len(coverages) <= 51


@pytest.mark.parametrize("images", [real(), made(10_000)], ids=["real", "made"])
def test_a_threshold_is_the_lowest_whose_interval_reaches_its_target(
    images: tuple[Labels, Probabilities],
) -> None:
    """Those above it are as accurate as wanted, at their interval's lower end; one image more isn't."""
    confidences, right = outcome(images)
    found = counted(confidences, right)
    assert found is not None
    assert [each.target for each in found.targets] == [0.99, 0.995, 0.999]
    for each in found.targets:
        thresholds = [score_bins.below(key) for key in sorted(set(score_bins.bins(confidences.tolist())))]
        lower_ends = {}
        for threshold in thresholds:
            interval = wilson(int(right[confidences > threshold].sum()), int((confidences > threshold).sum()))
            lower_ends[threshold] = interval.low if interval else 0
        reaching = [threshold for threshold, low in lower_ends.items() if low >= each.target]
        assert each.threshold == (min(reaching) if reaching else None)
        if each.threshold is not None:
            above = confidences > each.threshold
            assert each.accuracy == wilson(int(right[above].sum()), int(above.sum()))
            assert each.coverage == wilson(int(above.sum()), len(right))


def test_a_target_needs_images() -> None:
    """381 images without a mistake show 99 %, 380 don't, whatever their confidence."""
    found = {images: risk_coverage({0.5: images}, {}) for images in (380, 381)}
    assert found[380] is not None
    assert found[381] is not None
    few, enough = found[380].targets[0], found[381].targets[0]
    assert few.least == enough.least == 381
    assert (few.threshold, few.coverage, few.accuracy) == (None, None, None)
    assert (enough.threshold, enough.accuracy) == (0.5, score(1.0, 381))
    assert [each.least for each in found[380].targets] == [381, 765, 3838]


def test_a_threshold_seldom_promises_more_than_is_true() -> None:
    """Of 150 batches of 2,000 the accuracy above the threshold, over a million others, is below its target in
    few: one in twenty at most.
    """
    generator = np.random.default_rng(2)
    confidences = np.sort(1 / (1 + np.exp(-generator.gumbel(5.5, 1.8, 1_000_000))))[::-1]
    truth = np.cumsum(confidences) / np.arange(1, 1_000_001)
    broken = chosen = 0
    for _ in range(150):
        drawn = confidences[generator.integers(0, 1_000_000, 2_000)]
        found = counted(drawn, generator.random(2_000) < drawn)
        assert found is not None
        for each in found.targets[1:2]:
            if each.threshold is not None:
                chosen += 1
                broken += truth[np.searchsorted(-confidences, -each.threshold) - 1] < each.target
    assert chosen > 50
    assert broken / 150 <= 0.05


def test_a_batch_without_a_mistake_has_an_area_of_0_with_a_width() -> None:
    """No mistake in 100 images: perhaps four in a hundred of others."""
    found = risk_coverage({0.9: 60, 0.5: 40}, {})
    assert found is not None
    assert found.augrc == score(0.0, 100)
    assert [(point.coverage, point.risk) for point in found.curve] == [(0.6, 0.0), (1.0, 0.0)]


def test_no_image_has_no_risk() -> None:
    """Neither curve nor thresholds."""
    assert risk_coverage({}, {}) is None
