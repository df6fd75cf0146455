"""Distorted copies of MNIST's images, and digits of other writers: what a drifted batch may look like.

What a method is developed on (`DEVELOP`) and what it is measured on (`TEST`) share no severity, and `TEST`
has kinds of damage that development never saw. All of it is synthetic but for `other_writers`.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from training.container.data import Bytes

Pixels = torch.Tensor  # float (N, 1, 28, 28), 0–255
Distortion = Callable[[Pixels, torch.Generator], Pixels]
_SIDE = 28


def blur(sigma: float) -> Distortion:
    """A Gaussian filter with a standard deviation in pixels."""

    def distort(pixels: Pixels, _generator: torch.Generator) -> Pixels:
        reach = math.ceil(3 * sigma)
        line = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
        line /= line.sum()
        across = functional.conv2d(pixels, line.view(1, 1, 1, -1), padding=(0, reach))
        return functional.conv2d(across, line.view(1, 1, -1, 1), padding=(reach, 0))

    return distort


def noise(deviation: float) -> Distortion:
    """Gaussian noise on each pixel, in grey levels of 255."""
    return lambda pixels, generator: pixels + deviation * torch.randn(pixels.shape, generator=generator)


def specks(share: float) -> Distortion:
    """A share of the pixels turned white or black."""

    def distort(pixels: Pixels, generator: torch.Generator) -> Pixels:
        hit = torch.rand(pixels.shape, generator=generator) < share
        return torch.where(hit, 255.0 * (torch.rand(pixels.shape, generator=generator) < 0.5), pixels)

    return distort


def rotation(degrees: float) -> Distortion:
    """Each image turned by an angle between minus and plus `degrees`, uniformly."""

    def distort(pixels: Pixels, generator: torch.Generator) -> Pixels:
        angle = math.radians(degrees) * (2 * torch.rand(len(pixels), generator=generator) - 1)
        zero = torch.zeros_like(angle)
        return _affine(pixels, angle.cos(), -angle.sin(), zero, angle.sin(), angle.cos(), zero)

    return distort


def shift(most: float) -> Distortion:
    """Each image moved by up to `most` pixels in both directions, uniformly."""

    def distort(pixels: Pixels, generator: torch.Generator) -> Pixels:
        x, y = most / (_SIDE / 2) * (2 * torch.rand(2, len(pixels), generator=generator) - 1)
        one, zero = torch.ones_like(x), torch.zeros_like(x)
        return _affine(pixels, one, zero, x, zero, one, y)

    return distort


def scale(factor: float) -> Distortion:
    """Digits of another size: 1 is theirs."""

    def distort(pixels: Pixels, _generator: torch.Generator) -> Pixels:
        inverse = torch.full((len(pixels),), 1 / factor)
        zero = torch.zeros_like(inverse)
        return _affine(pixels, inverse, zero, zero, zero, inverse, zero)

    return distort


def shear(slope: float) -> Distortion:
    """Digits that lean to one side."""

    def distort(pixels: Pixels, _generator: torch.Generator) -> Pixels:
        one = torch.ones(len(pixels))
        return _affine(pixels, one, slope * one, 0 * one, 0 * one, one, 0 * one)

    return distort


def contrast(factor: float) -> Distortion:
    """Ink of a fraction of its brightness."""
    return lambda pixels, _generator: pixels * factor


def ground(level: float) -> Distortion:
    """A ground that isn't black: its grey level, with the ink's contrast reduced to what is left."""
    return lambda pixels, _generator: level + pixels * (255 - level) / 255


def pen(pixels_wider: int) -> Distortion:
    """Strokes wider by a pixel on each side, or thinner where it is negative."""

    def distort(pixels: Pixels, _generator: torch.Generator) -> Pixels:
        for _ in range(abs(pixels_wider)):
            sign = 1 if pixels_wider > 0 else -1
            pixels = sign * functional.max_pool2d(sign * pixels, (2, 2), 1, 1)[:, :, :_SIDE, :_SIDE]
        return pixels

    return distort


def hole(side: int) -> Distortion:
    """A black square of `side` pixels somewhere over the digit."""

    def distort(pixels: Pixels, generator: torch.Generator) -> Pixels:
        corners = torch.randint(4, 24 - side + 1, (2, len(pixels), 1, 1, 1), generator=generator)
        row = torch.arange(_SIDE).view(1, 1, _SIDE, 1) - corners[0]
        column = torch.arange(_SIDE).view(1, 1, 1, _SIDE) - corners[1]
        inside = (row >= 0) & (row < side) & (column >= 0) & (column < side)
        return pixels.masked_fill(inside, 0)

    return distort


def inverted(pixels: Pixels, _generator: torch.Generator) -> Pixels:
    """Dark ink on a light ground."""
    return 255 - pixels


def partly(share: float, distortion: Distortion) -> Distortion:
    """A distortion of the first `share` of the images alone; the others stay."""

    def distort(pixels: Pixels, generator: torch.Generator) -> Pixels:
        count = round(share * len(pixels))
        return torch.cat([distortion(pixels[:count], generator), pixels[count:]])

    return distort


DEVELOP: dict[str, Distortion] = {
    **{f"blur {s}": blur(s) for s in (0.8, 1.2, 1.6, 2.0, 2.6)},
    **{f"noise {s}": noise(s) for s in (20, 40, 60, 80, 110)},
    **{f"rotation {s}": rotation(s) for s in (10, 18, 28, 40, 60)},
    **{f"shift {s}": shift(s) for s in (1, 2.5, 3.5, 4.5, 6)},
    **{f"contrast {s}": contrast(s) for s in (0.8, 0.6, 0.4, 0.25, 0.15)},
    **{f"half blur {s}": partly(0.5, blur(s)) for s in (1.6, 2.6)},
    **{f"tenth rotation {s}": partly(0.1, rotation(s)) for s in (40, 60)},
}
TEST: dict[str, Distortion] = {
    **{f"blur {s}": blur(s) for s in (0.7, 1.0, 1.4, 1.8, 2.3)},
    **{f"noise {s}": noise(s) for s in (15, 30, 50, 70, 95)},
    **{f"rotation {s}": rotation(s) for s in (15, 20, 25, 35, 50)},
    **{f"shift {s}": shift(s) for s in (1.5, 2, 3, 4, 5)},
    **{f"contrast {s}": contrast(s) for s in (0.7, 0.5, 0.3, 0.2, 0.1)},
    **{f"half noise {s}": partly(0.5, noise(s)) for s in (50, 95)},
    **{f"tenth shift {s}": partly(0.1, shift(s)) for s in (4, 6)},
    **{f"specks {s}": specks(s) for s in (0.02, 0.05, 0.1, 0.2)},
    **{f"scale {s}": scale(s) for s in (0.5, 0.7, 1.3)},
    **{f"shear {s}": shear(s) for s in (0.2, 0.4, 0.6)},
    **{f"ground {s}": ground(s) for s in (10, 30, 60)},
    **{f"pen {s:+d}": pen(s) for s in (-2, -1, 1, 2)},
    **{f"hole {s}": hole(s) for s in (4, 6, 8)},
    "inverted": inverted,
}


def distorted(images: Bytes, distortion: Distortion, seed: int) -> Bytes:
    """Distort uint8 images (N, 28, 28), in thousands; what lies beyond 0 and 255 is cut off."""
    generator = torch.Generator().manual_seed(seed)
    parts = torch.from_numpy(images).unsqueeze(1).split(len(images))
    found = [distortion(part.float(), generator) for part in parts]
    result: Bytes = torch.cat(found).round().clamp(0, 255).to(torch.uint8).squeeze(1).numpy()
    return result


def other_writers() -> tuple[Bytes, Bytes]:
    """1,797 digits of 13 other writers, 8 × 8 pixels, put on 28 × 28 as MNIST's are, and their labels.

    The part of https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits that
    scikit-learn carries. Enlarged to 20 × 20, they are more blurred than MNIST's.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = torch.from_numpy(bunch.images * 255 / 16).float().unsqueeze(1)
    large = functional.interpolate(pixels, (20, 20), mode="bicubic", align_corners=False)
    placed = functional.pad(large, (4, 4, 4, 4)).round().clamp(0, 255).to(torch.uint8).squeeze(1)
    return placed.numpy(), bunch.target.astype(np.uint8)


def _affine(
    pixels: Pixels,
    xx: torch.Tensor,
    xy: torch.Tensor,
    x: torch.Tensor,
    yx: torch.Tensor,
    yy: torch.Tensor,
    y: torch.Tensor,
) -> Pixels:
    """Resample each image at matrix · (column, row, 1), from -1 to 1; outside it is black."""
    matrix = torch.stack([torch.stack([xx, xy, x], 1), torch.stack([yx, yy, y], 1)], 1)
    grid = functional.affine_grid(matrix, list(pixels.shape), align_corners=False)
    return functional.grid_sample(pixels, grid, align_corners=False)
