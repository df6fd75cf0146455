"""Small data sets of made digits."""

import numpy as np

from training.datasets import DataSet, Digits


def made(count: int, seed: int) -> Digits:
    """Images of noise on a dark ground, labelled 0, 1, … 9, 0, …; no two are alike, none is symmetric."""
    images = np.random.default_rng(seed).integers(1, 255, (count, 28, 28), np.uint8)
    images[:, 20:, :] = 0
    images[:, :, 14:] = 0
    return Digits(images, (np.arange(count) % 10).astype(np.uint8))


def made_set(name: str = "made", seed: int = 1) -> DataSet:
    """A data set of 20 images to train on and 10 to test with."""
    return DataSet(name, "made", made(20, seed), made(10, seed + 1))
