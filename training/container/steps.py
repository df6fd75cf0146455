"""One step of training: augment a mini-batch, forward, backward, update; on a GPU as one CUDA graph."""

from argparse import Namespace
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from averaging import Average
from images import augment, normalise

EAGER = 3  # steps before the capture, while libraries choose and set up what they use


class Step:
    """Trains `network` on the mini-batch that a call names by its positions, and sums the losses in `total`.

    `images` are uint8 (N, 28, 28), `labels` int64 (N,), positions int64 (n,), all on one device; every call
    has the same n. Nothing in a call waits for the device. An `average` takes in each step.

    With `graph`, the step's hundreds of kernels are recorded once and launched as one from then on; the first
    three steps are real ones on a stream of their own, as PyTorch's pattern wants it
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
        self.bfloat16 = has_bfloat16(images.device)
        self.aside = torch.cuda.Stream() if graph else None  # None: no graph
        self.eager_left = EAGER
        self.graph: torch.cuda.CUDAGraph | None = None
        self.positions = torch.empty(0)

    def __call__(self, positions: torch.Tensor) -> None:
        """Train on one mini-batch."""
        if self.aside and not self.eager_left and not self.graph:
            self._capture(positions)
        if self.graph:
            self.positions.copy_(positions)
            self.graph.replay()
        elif self.aside:
            self.eager_left -= 1
            self.aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.aside):
                self._train(positions)
            torch.cuda.current_stream().wait_stream(self.aside)
        else:
            self._train(positions)

    def _capture(self, positions: torch.Tensor) -> None:
        """Record a step, which trains nothing yet; its mini-batch is what `self.positions` then holds.

        Where CUDA refuses, there is no graph, and the steps go on one by one.
        """
        self.positions = positions.clone()
        self.optimizer.zero_grad(set_to_none=True)  # so that the graph's memory holds the gradients
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                self._train(self.positions)
        except RuntimeError as error:
            self.aside = None
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
    """AdamW whose learning rate is a tensor, so that a recorded step sees each change of it.

    Weights decay, biases and BatchNorm's parameters don't.
    """
    device = next(network.parameters()).device
    decayed = [weight for weight in network.parameters() if weight.ndim > 1]
    kept = [weight for weight in network.parameters() if weight.ndim <= 1]
    groups: list[dict[str, Any]] = [{"params": decayed}, {"params": kept, "weight_decay": 0.0}]
    return torch.optim.AdamW(
        groups,
        lr=torch.zeros((), device=device),
        weight_decay=options.weight_decay,
        fused=True,
        capturable=graph,
    )


def has_bfloat16(device: torch.device) -> bool:
    """Say whether the device computes bfloat16 in hardware; elsewhere it is slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
