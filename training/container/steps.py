"""One step of training: augment a mini-batch, forward, backward, update; on a GPU as one CUDA graph."""

from argparse import Namespace
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from averaging import Average
from images import augment, normalise

EAGER_STEPS = 3  # before the capture, while libraries select and initialise their kernels


class Step:
    """Trains `network` on the mini-batch at the given positions, and sums the losses in `total`.

    `images` are uint8 (N, 28, 28), `labels` int64 (N,), positions int64 (n,), all on one device; every call
    has the same n. Nothing in a call waits for the device. An `average` is updated after each step.

    With `graph`, the step's hundreds of kernels are recorded once and launched together from then on; the
    first three steps run eagerly on a side stream, as PyTorch's documentation requires
    (https://docs.pytorch.org/docs/stable/notes/cuda.html#whole-network-capture).
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        images: torch.Tensor,
        labels: torch.Tensor,
        options: Namespace,
        graph: bool,
        average: Average | None = None,
    ) -> None:
        self.network, self.optimizer, self.average = network, optimizer, average
        self.images, self.labels, self.options = images, labels, options
        self.total = torch.zeros((), device=images.device)
        self.bfloat16 = supports_bfloat16(images.device)
        self.side_stream = torch.cuda.Stream() if graph else None  # None: no graph
        self.eager_left = EAGER_STEPS
        self.graph: torch.cuda.CUDAGraph | None = None
        self.positions = torch.empty(0)

    def __call__(self, positions: torch.Tensor) -> None:
        """Train on one mini-batch."""
        if self.side_stream and not self.eager_left and not self.graph:
            self._capture(positions)
        if self.graph:
            self.positions.copy_(positions)
            self.graph.replay()
        elif self.side_stream:
            self.eager_left -= 1
            self.side_stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.side_stream):
                self._train(positions)
            torch.cuda.current_stream().wait_stream(self.side_stream)
        else:
            self._train(positions)

    def _capture(self, positions: torch.Tensor) -> None:
        """Record a step without running it; a replay reads its mini-batch from `self.positions`.

        If the capture fails, there is no graph, and the steps run eagerly.
        """
        self.positions = positions.clone()
        self.optimizer.zero_grad(set_to_none=True)  # so that the gradients live in the graph's memory
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                self._train(self.positions)
        except RuntimeError as error:
            self.side_stream = None
            print(f"expected a CUDA graph of the step, found: {error}; training without one", flush=True)
        else:
            self.graph = graph

    def _train(self, positions: torch.Tensor) -> None:
        inputs = normalise(augment(self.images[positions], self.options.augmentation))
        with torch.autocast(inputs.device.type, torch.bfloat16, self.bfloat16, cache_enabled=False):
            logits = self.network(inputs)
        loss = functional.cross_entropy(
            logits.float(), self.labels[positions], label_smoothing=self.options.label_smoothing
        )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.total += loss.detach()
        if self.average:
            self.average.update(self.network)


def optimizer_for(network: nn.Module, options: Namespace, graph: bool) -> torch.optim.Optimizer:
    """AdamW whose learning rate is a tensor, so that a recorded step sees its changes.

    Weight decay applies to weights, not to biases and BatchNorm's parameters.
    """
    device = next(network.parameters()).device
    decayed = [weight for weight in network.parameters() if weight.ndim > 1]
    others = [weight for weight in network.parameters() if weight.ndim <= 1]
    groups: list[dict[str, Any]] = [{"params": decayed}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(
        groups,
        lr=torch.zeros((), device=device),
        weight_decay=options.weight_decay,
        fused=True,
        capturable=graph,
    )


def supports_bfloat16(device: torch.device) -> bool:
    """Whether the device computes bfloat16 in hardware; in software it is slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
