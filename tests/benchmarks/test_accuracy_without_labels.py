"""What the benchmark of accuracy without labels compares, and with what."""

import numpy as np
import pytest
import torch

from batch_prediction.figures.doubts import Doubts
from benchmarks import distortions, held_out_trainings
from benchmarks.accuracy_estimators import Answers, methods

GENERATOR = torch.Generator().manual_seed(6)
IMAGES = torch.randint(0, 256, (40, 28, 28), generator=GENERATOR).to(torch.uint8).numpy()


def answers(count: int = 400) -> Answers:
    """Answers that are wrong now and then, the less sure the more often."""
    labels = torch.arange(count) % 10
    logits = torch.randn(count, 10, generator=torch.Generator().manual_seed(1)) * 2
    logits[torch.arange(count), labels] += 6
    return Answers.of(logits, np.repeat(IMAGES, count // 40, axis=0), labels.to(torch.uint8).numpy())


def test_what_is_measured_shares_no_damage_with_what_the_method_was_developed_on() -> None:
    """No kind of damage has the same strength in both."""
    assert not distortions.DEVELOP.keys() & distortions.TEST.keys()


@pytest.mark.parametrize("name", [*distortions.DEVELOP, *distortions.TEST])
def test_a_distortion_changes_images_into_images(name: str) -> None:
    """It gives bytes of the same shape, the same ones each time, and other ones than before."""
    distortion = (distortions.DEVELOP | distortions.TEST)[name]
    first, second = (distortions.distorted(IMAGES, distortion, seed=3) for _ in range(2))
    assert (first.shape, first.dtype) == (IMAGES.shape, np.uint8)
    assert (first == second).all()
    assert (first != IMAGES).any()


def test_a_part_of_the_images_stays_as_it_is() -> None:
    """Of a batch that is damaged in part, the others are the same."""
    damaged = distortions.distorted(IMAGES, distortions.partly(0.25, distortions.inverted), seed=0)
    assert (damaged[:10] == 255 - IMAGES[:10]).all()
    assert (damaged[10:] == IMAGES[10:]).all()


def test_no_network_has_seen_what_it_is_measured_on() -> None:
    """Fresh images are in neither training, and a trial's held-out ones aren't in its own."""
    for role, sizes in (("develop", (40_000, 10_000, 10_000)), ("test", (50_000, 10_000, 0))):
        trained, held_out, fresh = (set(each.tolist()) for each in held_out_trainings.positions(role))  # type: ignore[arg-type]
        assert (len(trained), len(held_out), len(fresh)) == sizes
        assert not trained & held_out
        assert not (trained | held_out) & fresh


def test_of_the_reference_itself_the_methods_that_know_its_labels_say_the_truth() -> None:
    """Thresholds, differences and bins are fitted so; the mean confidence knows no label."""
    known = answers()
    truth = known.wrong.mean()
    assert 0 < truth < 0.5
    estimates = {name: method(known) for name, method in methods(known).items()}
    assert estimates.pop("mean confidence") == pytest.approx(known.doubts.mean())
    assert estimates == {name: pytest.approx(truth) for name in estimates}


def test_the_benchmark_counts_as_the_report_does() -> None:
    """Its counts by NumPy are those of the report's own loop."""
    found, expected = answers().counted(), Doubts()
    expected.add(list(zip(answers().predictions.tolist(), (1 - answers().doubts).tolist(), strict=True)))
    assert found.bins == expected.bins
    assert found.sums == pytest.approx(expected.sums)
    assert found.squares == pytest.approx(expected.squares)
