"""Preprocessing of images before the network sees them."""

import math

import pytest
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


def centres(places: list[tuple[float, float]], scale: float) -> torch.Tensor:
    """Where dots at places (x, y) end up in the same 400 augmentations: (places, 400, 2), in pixels."""
    line = torch.arange(28.0)
    found = []
    for x, y in places:
        dot = 250 * torch.exp(-((line - x) ** 2 + (line[:, None] - y) ** 2) / 8)
        torch.manual_seed(0)
        augmented = augment(dot.round().byte().expand(400, 28, 28), scale).squeeze(1)
        weights = augmented / augmented.sum((1, 2), keepdim=True)
        found.append(torch.stack([(weights.sum(1) * line).sum(1), (weights.sum(2) * line).sum(1)], dim=1))
    return torch.stack(found)


@pytest.mark.parametrize("scale", [0.5, 1.0])
def test_augmentation_draws_six_numbers_for_each_image_in_their_ranges(scale: float) -> None:
    """Rotation, both scalings, shear and both shifts fill their ranges, each by itself."""
    middle, right, below = centres([(13.5, 13.5), (19.5, 13.5), (13.5, 19.5)], scale)
    # the map that grid_sample is given goes from the new image to the old one
    matrices = torch.stack([right - middle, below - middle], dim=2).div(6).inverse()
    angles = torch.atan2(matrices[:, 1, 0], matrices[:, 1, 1])
    heights = 1 / matrices[:, 1].norm(dim=1)
    widths = angles.cos() / matrices[:, 0, 0]
    shears = matrices[:, 0, 1] + angles.sin() / widths
    shifts = (matrices @ (13.5 - middle).unsqueeze(2)).squeeze(2)
    drawn = torch.stack(
        [
            angles / (scale * math.radians(10)),
            (widths - 1) / (scale * 0.1),
            (heights - 1) / (scale * 0.1),
            shears / (scale * 0.1),
            *(shifts.T / (scale * 2)),
        ]
    )
    assert drawn.abs().amax(1).tolist() == pytest.approx([1] * 6, abs=0.15)
    assert drawn.mean(1).tolist() == pytest.approx([0] * 6, abs=0.12)
    assert drawn.std(1).tolist() == pytest.approx([3**-0.5] * 6, abs=0.06)  # of a uniform distribution
    assert (drawn.corrcoef() - torch.eye(6)).abs().max() < 0.2


def test_normalised_pixels_of_the_mean_are_nought_in_channels_last_order() -> None:
    """A pixel at the training set's mean becomes 0, one a deviation above it becomes 1."""
    pixels = torch.full((2, 1, 28, 28), 255 * MEAN)
    pixels[1] += 255 * STD
    inputs = normalise(pixels)
    torch.testing.assert_close(inputs, torch.stack([torch.zeros(1, 28, 28), torch.ones(1, 28, 28)]))
    assert inputs.is_contiguous(memory_format=torch.channels_last)
