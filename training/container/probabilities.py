"""Logits to probabilities, as the predictions carry them: few digits, and neither 0 nor 1."""

import numpy as np
import numpy.typing as npt
import torch

DIGITS = 4  # significant ones
LEAST = 1e-15
_MOST_DECIMALS = 15  # what a double distinguishes just below 1

Shares = npt.NDArray[np.float64]


def probabilities(logits: torch.Tensor) -> Shares:
    """The softmax (N, classes) of logits (N, classes), rounded for a line of JSON.

    Each probability has four significant digits, and the largest as many as what it lacks to 1 needs
    (0.9999996783): the most confident images don't tie at 1. None is below 1e-15, so that every logarithm is
    finite. A row adds up to 1 within 0.001, and its largest stays its largest. Not a number where a logit is
    infinite or not a number.
    """
    shares: Shares = logits.double().softmax(1).clamp_min(LEAST).numpy()
    rows, largest = np.arange(len(shares)), shares.argmax(1)
    shares[rows, largest] = 0
    lacking = shares.sum(1)  # more exact than 1 less the largest
    shares[rows, largest] = 1
    rounded = _round(shares, _decimals(shares))
    rounded[rows, largest] = _round(1 - lacking, np.minimum(_decimals(lacking), _MOST_DECIMALS))
    return rounded


def _decimals(values: Shares) -> Shares:
    """The decimals that the significant digits of each value need."""
    decimals: Shares = DIGITS - 1 - np.floor(np.log10(values))
    return decimals


def _round(values: Shares, decimals: Shares) -> Shares:
    """To so many decimals each: up to 10^22 a power of ten is exact, so that the quotient prints as short."""
    powers = 10.0**decimals
    rounded: Shares = np.rint(values * powers) / powers
    return rounded
