"""Preprocessing of images before the network sees them."""

import torch

from images import MEAN, STD, augment, normalise


def test_augmentation_keeps_shape_and_range_and_changes_images() -> None:
    """Augmented images are float (N, 1, 28, 28) in 0–255, and differ from the originals."""
    torch.manual_seed(0)
    digits = torch.randint(
        0, 256, (16, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    augmented = augment(digits, 1.0)
    assert (augmented.shape, augmented.dtype) == ((16, 1, 28, 28), torch.float32)
    assert augmented.min() >= 0
    assert augmented.max() <= 255
    assert (augmented - digits.unsqueeze(1)).abs().mean() > 10
    assert torch.equal(augment(digits, 0.0), digits.unsqueeze(1).float())


def test_augmentation_moves_a_dot_no_further_than_it_says() -> None:
    """At scale 1 a dot at the centre moves by up to the 2 pixels of shift, and little more."""
    torch.manual_seed(0)
    digits = torch.zeros(200, 28, 28, dtype=torch.uint8)
    digits[:, 13:15, 13:15] = 200
    augmented = augment(digits, 1.0).squeeze(1)
    weights = augmented / augmented.sum((1, 2), keepdim=True)
    places = torch.arange(28.0)
    rows, columns = (weights.sum(2) * places).sum(1) - 13.5, (weights.sum(1) * places).sum(1) - 13.5
    for distances in (rows.abs(), columns.abs()):
        assert distances.max() < 2.8
        assert distances.max() > 1.5


def test_normalised_pixels_of_the_mean_are_nought_in_channels_last_order() -> None:
    """A pixel at the training set's mean becomes 0, one a deviation above it becomes 1."""
    pixels = torch.full((2, 1, 28, 28), 255 * MEAN)
    pixels[1] += 255 * STD
    inputs = normalise(pixels)
    torch.testing.assert_close(inputs, torch.stack([torch.zeros(1, 28, 28), torch.ones(1, 28, 28)]))
    assert inputs.is_contiguous(memory_format=torch.channels_last)
