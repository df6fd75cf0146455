"""The moving average of a network's weights over the steps of its training."""

import copy

import torch
from torch import nn


class Average(nn.Module):
    """Follows a network step by step: weights and BatchNorm's statistics, each as an exponential average.

    `decay` (0–1) is the share of the average that a step keeps; for the first 1 / (1 - decay) steps the
    average is their plain mean. An update doesn't wait for the device and can be recorded in a CUDA graph.
    Everything that a checkpoint needs is in its state_dict.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        super().__init__()
        self.min_share = 1 - decay
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.steps = nn.Buffer(torch.zeros((), device=next(network.parameters()).device))

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Include the network's weights after a step."""
        self.steps.add_(1)
        share = (1 / self.steps).clamp(min=self.min_share)
        for average, now in zip(_numbers(self.network), _numbers(network), strict=True):
            average.lerp_(now, share)

    @torch.no_grad()
    def write_to(self, network: nn.Module) -> None:
        """Overwrite the network with the average."""
        for average, now in zip(_numbers(self.network), _numbers(network), strict=True):
            now.copy_(average)


def _numbers(network: nn.Module) -> list[torch.Tensor]:
    """Return the network's parameters and statistics, without counts, in a fixed order."""
    return [*network.parameters(), *(buffer for buffer in network.buffers() if buffer.is_floating_point())]
