"""The ways to calibrate that are compared: what each does with logits, and what they are measured by."""

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import brier_score_loss, log_loss

from benchmarks import calibration, mnist, training_runs
from benchmarks.calibration import Evidence, Read


def read(factor: float, seed: int, count: int = 4000) -> Read:
    """Logits that are `factor` times those of a calibrated model."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(count, 10, generator=generator)
    labels = torch.multinomial(logits.softmax(1), 1, generator=generator).squeeze(1)
    return Read(factor * logits, labels)


@pytest.fixture
def evidence() -> Evidence:
    """A model whose logits are a third of what they should be, as trial and folds show, and copies don't."""
    return Evidence(
        measured=read(1 / 3, 1),
        trial=read(1 / 3, 2),
        trial_augmented=read(2, 3),
        model_augmented=read(2.4, 4),
        folds=read(1 / 3, 5),
    )


@pytest.mark.parametrize("way", ["carried", "cross-fitted", "vector"])
def test_what_held_out_images_say_calibrates_the_model(evidence: Evidence, way: str) -> None:
    """The error falls to what chance leaves, and the likelihood rises."""
    before = calibration.figures(calibration.none(evidence), evidence.measured.labels)
    after = calibration.figures(calibration.WAYS[way](evidence), evidence.measured.labels)
    assert before[0] > 20
    assert after[0] < after[1] + 1
    assert after[2] < before[2]
    assert after[3] < before[3]
    if way != "vector":
        assert after[4] == pytest.approx(1 / 3, rel=0.05)


def test_augmented_copies_give_their_own_temperature_or_correct_the_trials(evidence: Evidence) -> None:
    """By themselves that of the model's copies; next to the trial's, the ratio of both."""
    assert calibration.augmented(evidence)[1] == pytest.approx(2.4, rel=0.05)
    assert calibration.adjusted(evidence)[1] == pytest.approx(1.2 / 3, rel=0.07)
    assert torch.equal(calibration.none(evidence)[0], evidence.measured.logits)


def test_cross_fitting_needs_its_folds(evidence: Evidence) -> None:
    """They are trained only where they are asked for."""
    with pytest.raises(ValueError, match="expected the logits of the folds"):
        calibration.cross_fitted(replace(evidence, folds=None))


def test_the_figures_are_scikit_learns() -> None:
    """Log loss in nats, and the Brier score as the sum over ten classes."""
    given = read(2, 1)
    probabilities = given.logits.double().softmax(1).numpy()
    _error, _by_chance, likelihood, brier, temperature = calibration.figures(
        (given.logits, 7.0), given.labels
    )
    assert likelihood == pytest.approx(log_loss(given.labels, probabilities, labels=range(10)))
    each = [brier_score_loss(given.labels == label, probabilities[:, label]) for label in range(10)]
    assert brier == pytest.approx(sum(each))
    assert temperature == 7.0


def test_a_calibrated_model_has_the_error_of_chance() -> None:
    """Of logits that are right the error lies where chance leaves it, and of fewer images that is more."""
    few, many = read(1, 1, 500), read(1, 2, 20_000)
    for given in (few, many):
        error = calibration.figures((given.logits, 1.0), given.labels)[0] / 100
        assert error == pytest.approx(calibration.chance(given.logits), rel=0.6)
    assert 4 < calibration.chance(few.logits) / calibration.chance(many.logits) < 9  # the root of 40 is 6.3


def test_each_seed_draws_hyperparameters_of_the_search() -> None:
    """Within its ranges, the same for every smoothing, so that only the smoothing differs."""
    for seed in range(20):
        options = vars(calibration.drawn("small", 2, seed, 0.1))
        assert 2e-3 <= options["learning_rate"] <= 3e-2
        assert options["batch_size"] in {128, 256, 512, 1024}
        assert options | {"label_smoothing": 0.0} == vars(calibration.drawn("small", 2, seed, 0.0))


def test_the_test_set_is_read_only_when_asked_and_trainings_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The choice never reads test images; what it trained on 5/6 is the trial of the test's measurement."""
    random = np.random.RandomState(0)
    digits = mnist.Mnist(
        random.randint(0, 256, (288, 28, 28)).astype(np.uint8),
        (np.arange(288) % 10).astype(np.uint8),
        np.full((50, 28, 28), 255, np.uint8),
        np.zeros(50, np.uint8),
    )

    def small_batches(arch: str, epochs: float, seed: int, smoothing: float) -> Namespace:
        given = ["--epochs", str(epochs), "--batch-size", "32", "--label-smoothing", str(smoothing)]
        return training_runs.options_of(arch, seed, *given)

    monkeypatch.setattr(mnist, "load", lambda: digits)
    monkeypatch.setattr(calibration, "drawn", small_batches)
    arguments = ["--epochs", "1", "--seeds", "1", "--smoothing", "0.1", "--cache", str(tmp_path)]
    assert calibration.main(arguments) == 0
    said = capsys.readouterr()
    assert [line.split(":")[0] for line in said.err.splitlines()] == [
        f"small-1-0-0.1-of240-{what}" for what in ("200", "240", "fold0", "fold1")
    ]
    assert [line.split(" | ")[0] for line in said.out.splitlines() if line.startswith("| ")][2:] == [
        f"| {way}" for way in calibration.WAYS
    ]
    with np.load(tmp_path / "small-1-0-0.1-of240-240.npz") as kept:
        assert len(kept["labels"]) == 48
        assert set(kept["labels"]) != {0}
    assert calibration.main([*arguments, "--test", "--ways", "none", "carried"]) == 0
    assert [line.split(":")[0] for line in capsys.readouterr().err.splitlines()] == [
        "small-1-0-0.1-of288-288"
    ]
    with np.load(tmp_path / "small-1-0-0.1-of288-288.npz") as kept:
        assert kept["labels"].tolist() == [0] * 50
    assert calibration.main(arguments) == 0
    assert "small" not in capsys.readouterr().err
