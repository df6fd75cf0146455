"""Confidences: how far they can be believed, and the temperature."""

import pytest
import torch
from sklearn.metrics import log_loss

import calibration
import model as networks


def overconfident(count: int, factor: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits that are `factor` times as large as those that the labels are drawn from."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(count, 10, generator=generator)
    labels = torch.multinomial(logits.softmax(1), 1, generator=generator).squeeze(1)
    return logits * factor, labels


def test_the_negative_log_likelihood_is_scikit_learns_log_loss() -> None:
    """The figure agrees with an independent implementation."""
    logits, labels = overconfident(200, 2)
    expected = log_loss(labels.numpy(), logits.double().softmax(1).numpy(), labels=list(range(10)))
    assert calibration.negative_log_likelihood(logits, labels) == pytest.approx(expected)


def test_the_calibration_error_of_two_bins_is_their_weighted_distance() -> None:
    """Three images at confidence 0.9, two right, and one at 0.6, wrong: (3 × |2/3 - 0.9| + 0.6) / 4."""
    logits = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.6, 0.4]], dtype=torch.double).log()
    labels = torch.tensor([0, 0, 1, 1])
    assert calibration.expected_calibration_error(logits, labels) == pytest.approx((0.7 + 0.6) / 4)


@pytest.mark.parametrize(
    ("confidences", "together"), [((0.61, 0.66), True), ((0.61, 0.67), False), ((0.94, 1.0), True)]
)
def test_the_calibration_error_has_fifteen_bins(confidences: tuple[float, float], together: bool) -> None:
    """In one bin a right and a wrong image make up for each other, in two each counts; 1 is in the last."""
    logits = torch.tensor([[value, 1 - value] for value in confidences], dtype=torch.double).log()
    gaps = 1 - confidences[0], 0 - confidences[1]
    expected = abs(sum(gaps)) if together else sum(map(abs, gaps))
    labels = torch.tensor([0, 1])
    assert calibration.expected_calibration_error(logits, labels) == pytest.approx(expected / 2)


def test_a_certain_and_right_model_has_no_calibration_error() -> None:
    """Confidence 1 falls into the last bin, and is right there."""
    logits = torch.eye(10) * 1e4
    assert calibration.expected_calibration_error(logits, torch.arange(10)) == 0


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_temperature_is_the_factor_of_the_overconfidence(factor: float) -> None:
    """Logits that are too large by a factor get that factor as their temperature."""
    assert calibration.fit_temperature(*overconfident(20_000, factor)) == pytest.approx(factor, rel=0.05)


@pytest.mark.parametrize(("logits", "bound"), [(torch.eye(10), 0.25), (-torch.eye(10), 4.0)])
def test_a_temperature_has_bounds(logits: torch.Tensor, bound: float) -> None:
    """Few images that are all right, or all wrong, would ask for a certainty of 1, or of none."""
    assert calibration.fit_temperature(logits, torch.arange(10)) == pytest.approx(bound, rel=1e-5)


def test_logits_that_say_nothing_have_no_temperature() -> None:
    """Where any temperature would do, none is used."""
    assert calibration.calibrate(torch.zeros(20, 10), torch.arange(20) % 10)[0] == 1


def test_a_temperature_that_helps_is_used_and_lowers_the_error_on_other_images() -> None:
    """Overconfident logits are calibrated by temperatures fitted on the other half."""
    logits, labels = overconfident(4_000, 3)
    temperature, calibrated = calibration.calibrate(logits, labels)
    assert temperature == pytest.approx(3, rel=0.1)
    assert temperature == calibration.fit_temperature(logits, labels)  # of all of them
    before = calibration.expected_calibration_error(logits, labels)
    assert calibration.expected_calibration_error(calibrated, labels) < before / 4


@pytest.mark.parametrize("count", [1, 2, 30])
def test_a_temperature_that_does_not_help_on_other_images_is_left_out(count: int) -> None:
    """Where one half's temperature doesn't help the other half, logits stay as they are."""
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(count, 10, generator=generator)
    labels = logits.argmax(1)  # one half says that no confidence is too high,
    labels[1::2] = logits.argmin(1)[1::2]  # the other that none is low enough
    temperature, calibrated = calibration.calibrate(logits, labels)
    assert temperature == 1
    assert torch.equal(calibrated, logits)


def test_a_softened_network_divides_its_logits_and_keeps_its_labels() -> None:
    """The temperature goes into the last layer: the logits of every reader are divided by it."""
    torch.manual_seed(0)
    network = networks.build("small").eval()
    images = torch.randn(64, 1, 28, 28)
    before = network(images)
    calibration.apply_temperature(network, 2.5)
    torch.testing.assert_close(network(images), before / 2.5)
    assert torch.equal(network(images).argmax(1), before.argmax(1))
