"""Labelled images with ten probabilities: made ones, and real digits read by a real model."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import cross_val_predict

Labels = NDArray[np.int64]
Probabilities = NDArray[np.float64]
Records = list[tuple[int, list[float]]]


def made(images: int, seed: int = 0) -> tuple[Labels, Probabilities]:
    """Labels, and the probabilities of a model that is right about 99 times in 100."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 10, images)
    logits = generator.normal(0, 2.2, (images, 10))
    logits[np.arange(images), labels] += generator.gumbel(11, 3, images)
    return labels, softmax(logits)


@cache
def real() -> tuple[Labels, Probabilities]:
    """The 1,797 digits of scikit-learn, each read by a linear model over four fifths of the others."""
    digits = load_digits()
    model = LinearDiscriminantAnalysis()
    scores = cross_val_predict(model, digits.data, digits.target, method="decision_function")
    return digits.target, softmax(scores / 3)  # they are too sure


def softmax(logits: Probabilities) -> Probabilities:
    """Probabilities that add up to 1 in each row."""
    powers = np.exp(logits - logits.max(1, keepdims=True))
    found: Probabilities = powers / powers.sum(1, keepdims=True)
    return found


def records(labels: Labels, probabilities: Probabilities) -> Records:
    """Images as write_report hands them over."""
    return list(zip(labels.tolist(), probabilities.tolist(), strict=True))
