"""Augmentation and normalisation of images, in batches and on their device."""

import math

import torch
from torch.nn import functional

from model import IMAGE_SIZE

MEAN, STD = 0.1307, 0.3081  # of MNIST's training images, as fractions of white


def augment(images: torch.Tensor, scale: float) -> torch.Tensor:
    """Rotate, scale, shear and shift each image at random: uint8 (N, 28, 28) to float (N, 1, 28, 28), 0–255.

    At `scale` 1 uniformly up to 10°, ±10 % in width and height, ±0.1 of shear and ±2 pixels; everything is
    proportional to `scale`, and 0 changes nothing. Uncovered borders are black. Draws from the device's own
    generator.
    """
    pixels = images.unsqueeze(1).float()
    if not scale:
        return pixels
    angle, width, height, shear, x, y = scale * (2 * torch.rand(6, len(images), device=images.device) - 1)
    cos, sin = (angle * math.radians(10)).cos(), (angle * math.radians(10)).sin()
    width, height, shear = 1 + 0.1 * width, 1 + 0.1 * height, 0.1 * shear
    shift = 2 / (IMAGE_SIZE / 2)  # grid_sample's unit is half an image
    matrix = torch.stack(
        [cos / width, shear - sin / width, shift * x, sin / height, cos / height, shift * y], dim=1
    )
    grid = (matrix.view(-1, 3) @ _coordinates(images.device)).view(-1, 2, IMAGE_SIZE, IMAGE_SIZE)
    return functional.grid_sample(pixels, grid.permute(0, 2, 3, 1), align_corners=False)


def normalise(pixels: torch.Tensor) -> torch.Tensor:
    """Scale pixels 0–255, float (N, 1, 28, 28), to the network's input, in channels_last order."""
    return ((pixels - 255 * MEAN) / (255 * STD)).contiguous(memory_format=torch.channels_last)


def _coordinates(device: torch.device) -> torch.Tensor:
    """Each pixel's column and row from -1 to 1, and a 1: (3, 784). affine_grid takes ten times as long."""
    line = (2 * torch.arange(IMAGE_SIZE, device=device) + 1) / IMAGE_SIZE - 1
    row, column = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([column.flatten(), row.flatten(), torch.ones_like(row).flatten()])
