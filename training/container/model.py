"""The networks, by name: built by training, and by inference from the copy of this file in the artifact."""

import copy

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

IMAGE_SIZE = 28
LABELS = tuple(range(10))
ARCHITECTURES = ("small", "base", "large")


class ConvBlock(nn.Module):
    """Convolution without bias, BatchNorm, ReLU: (N, inputs, H, W) to (N, outputs, H', W')."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, padding: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the block."""
        return functional.relu(self.norm(self.conv(x)), inplace=True)


def build(arch: str, dropout: float = 0.0) -> nn.Module:
    """Build the network `arch` with fresh weights.

    Input: float (N, 1, 28, 28), normalised with the mean and standard deviation of the training set; output:
    logits (N, 10). The weights are in channels_last order. `small` has 29 thousand parameters and 1.4 million
    multiplications per image, `base` 61 thousand and 4.2 million, `large` 0.3 million and 29 million.
    `dropout` acts before the last layer.

    Raises ValueError for an unknown name.
    """
    match arch:
        case "small":
            blocks = [
                ConvBlock(1, 16, kernel=5, stride=2, padding=2),  # 28 → 14
                ConvBlock(16, 32, padding=0),  # 12
                nn.MaxPool2d(2),  # 6
                ConvBlock(32, 64),
                nn.MaxPool2d(2),  # 3
            ]
            channels = 64
        case "base":
            blocks = [
                ConvBlock(1, 24, kernel=5, stride=2, padding=2),  # 28 → 14
                ConvBlock(24, 48),
                nn.MaxPool2d(2),  # 7
                ConvBlock(48, 96),
                nn.MaxPool2d(2),  # 3
            ]
            channels = 96
        case "large":
            blocks = [
                *(ConvBlock(1, 32), ConvBlock(32, 32), nn.MaxPool2d(2)),  # 28 → 14
                *(ConvBlock(32, 64), ConvBlock(64, 64), nn.MaxPool2d(2)),  # 7
                *(ConvBlock(64, 128), ConvBlock(128, 128), nn.MaxPool2d(2)),  # 3
            ]
            channels = 128
        case _:
            raise ValueError(f"arch: expected one of {', '.join(ARCHITECTURES)}, found {arch!r}")
    network = nn.Sequential(
        *blocks, nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels * 3 * 3, len(LABELS))
    )
    # channels_last is faster on CPUs and GPUs alike; torch's stub lacks the argument
    return network.to(memory_format=torch.channels_last)  # type: ignore[no-any-return, call-overload]


class ShiftAverage(nn.Module):
    """A network whose logits are the mean over five copies of an image: as it is, and shifted each way.

    The shift is by `pixels` up, down, left and right; uncovered borders are `background`, the normalised
    value of black. As it averages logits and not probabilities, a temperature in the network's last layer
    scales the average, too. It costs five forward passes.
    """

    def __init__(self, network: nn.Module, pixels: int, background: float) -> None:
        super().__init__()
        self.network, self.pixels, self.background = network, pixels, background

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of float (N, 1, H, W)."""
        height, width, n = *x.shape[2:], self.pixels
        padded = functional.pad(x, (n, n, n, n), value=self.background)
        corners = ((n, n), (0, n), (2 * n, n), (n, 0), (n, 2 * n))
        copies = [padded[:, :, top : top + height, left : left + width] for top, left in corners]
        logits = [self.network(each.contiguous(memory_format=torch.channels_last)) for each in copies]
        return torch.stack(logits).mean(0)


def over_shifts(network: nn.Module, pixels: int, mean: float, std: float) -> nn.Module:
    """Average the network over shifts by `pixels` of images normalised by `mean` and `std`; 0: unchanged."""
    return ShiftAverage(network, pixels, -mean / std) if pixels else network


def fold_batch_norm(model: nn.Module) -> nn.Module:
    """Return a copy for inference whose BatchNorms are folded into the convolutions before them.

    The logits are those of `model.eval()`, up to rounding.
    """
    folded = copy.deepcopy(model).eval()
    for block in folded.modules():
        if isinstance(block, ConvBlock) and isinstance(block.norm, nn.BatchNorm2d):
            block.conv = fuse_conv_bn_eval(block.conv, block.norm)
            block.norm = nn.Identity()
    return folded
