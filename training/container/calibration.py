"""How reliable a model's confidences are, and the temperature that calibrates them."""

import torch
from torch import nn
from torch.nn import functional

BINS = 15
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.25, 4.0
ROUNDS = 40  # each cuts a third off the interval: 40 leave a ten-millionth of it


def negative_log_likelihood(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """Mean negative log-likelihood, in nats, of logits (N, classes) for labels (N,)."""
    return functional.cross_entropy(logits.double(), labels).item()


def expected_calibration_error(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """Mean gap between confidence and accuracy over 15 bins of confidence, weighted by their sizes (0–1).

    Guo et al. 2017, On Calibration of Modern Neural Networks, equation 3 (https://arxiv.org/abs/1706.04599).
    """
    confidences, predictions = logits.double().softmax(1).max(1)
    bins = (confidences * BINS).ceil().long().clamp(1, BINS) - 1
    gaps = (predictions == labels).double() - confidences
    sums = torch.zeros(BINS, dtype=torch.double, device=logits.device).index_add_(0, bins, gaps)
    return sums.abs().sum().item() / len(labels)


def fit_temperature(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the temperature, 0.25 to 4, that minimises the negative log-likelihood of logits / temperature.

    The function is convex in the temperature's inverse, so a ternary search finds its minimum.
    """
    low, high = 1 / MAX_TEMPERATURE, 1 / MIN_TEMPERATURE
    for _ in range(ROUNDS):
        third = (high - low) / 3
        left, right = low + third, high - third
        if negative_log_likelihood(logits * left, labels) < negative_log_likelihood(logits * right, labels):
            high = right
        else:
            low = left
    return 2 / (low + high)


def calibrate(logits: torch.Tensor, labels: torch.Tensor) -> tuple[float, torch.Tensor]:
    """Return the temperature to use, and the logits at temperatures that were fitted on other images.

    Each half of the images gets the temperature of the other half. If that doesn't lower the negative
    log-likelihood, calibration doesn't help: the result is 1 and the unchanged logits.
    """
    even = torch.arange(len(labels), device=logits.device) % 2 == 0
    crossed = logits.clone()
    for half in (even, ~even):
        if not half.any() or half.all():
            return 1.0, logits
        crossed[half] /= fit_temperature(logits[~half], labels[~half])
    if negative_log_likelihood(crossed, labels) >= negative_log_likelihood(logits, labels):
        return 1.0, logits
    return fit_temperature(logits, labels), crossed


def apply_temperature(network: nn.Module, temperature: float) -> None:
    """Divide the network's logits by the temperature permanently, in the weights of its last layer.

    Inference then doesn't need to know the temperature, and no prediction changes.
    """
    *_, last = network.children()
    with torch.no_grad():
        for parameter in last.parameters():
            parameter.div_(temperature)
