"""One step of training, and its recording."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import arguments
import model as networks
import steps
from averaging import Average

OPTIONS = ["--training", "training", "--model-dir", "model"]


class Recorder:
    """A fake CUDA graph: it keeps a step's function, and repeats it."""

    def __init__(self) -> None:
        self.replays = 0
        self.repeat: Any = None

    def replay(self) -> None:
        """Do the recorded step."""
        self.replays += 1
        self.repeat()


@pytest.fixture
def recorders(monkeypatch: pytest.MonkeyPatch) -> list[Recorder]:
    """A CPU that acts as a GPU whose streams do nothing; returns the captured graphs."""
    made: list[Recorder] = []
    stream = SimpleNamespace(wait_stream=lambda other: None)
    train = steps.Step._train
    recording: list[Recorder] = []

    @contextmanager
    def record(graph: Recorder) -> Iterator[None]:
        recording.append(graph)
        yield
        recording.pop()

    def train_or_record(step: steps.Step, positions: torch.Tensor) -> None:
        if recording:  # a capture runs nothing
            recording[-1].repeat = lambda: train(step, positions)
        else:
            train(step, positions)

    def make() -> Recorder:
        made.append(Recorder())
        return made[-1]

    monkeypatch.setattr(steps.Step, "_train", train_or_record)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", make)
    monkeypatch.setattr(torch.cuda, "graph", record)
    monkeypatch.setattr(torch.cuda, "Stream", lambda: stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    return made


def weights_after(count: int, graph: bool) -> tuple[torch.Tensor, float]:
    """The average of the last layer's weights, and the sum of losses, after `count` steps."""
    torch.manual_seed(0)
    options = arguments.parse([*OPTIONS, "--augmentation", "0"])
    network = networks.build("small")
    images = torch.randint(0, 256, (count * 8, 28, 28), dtype=torch.uint8)
    labels = torch.arange(count * 8) % 10
    optimizer = steps.optimizer_for(network, options, graph=False)
    average = Average(network, 0.5)
    step = steps.Step(network, optimizer, images, labels, options, graph, average)
    for number, positions in enumerate(torch.arange(count * 8).split(8)):
        for group in optimizer.param_groups:
            group["lr"].fill_(0.01 / (1 + number))
        step(positions)
    return list(average.network.parameters())[-2], step.total.item()


def test_recorded_steps_train_as_steps_do(recorders: list[Recorder]) -> None:
    """Three steps run eagerly, each later one is a replay on its own mini-batch; none is lost."""
    weights, total = weights_after(8, graph=True)
    assert [recorder.replays for recorder in recorders] == [5]
    expected, expected_total = weights_after(8, graph=False)
    assert torch.equal(weights, expected)
    assert total == expected_total


def test_a_refused_recording_leaves_steps_as_they_are(
    recorders: list[Recorder], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where CUDA can't capture a step, the training continues without a graph, and logs it once."""

    def refuse(graph: Recorder) -> None:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(torch.cuda, "graph", refuse)
    weights, total = weights_after(8, graph=True)
    assert capfd.readouterr().out.count("operation not permitted") == 1
    assert len(recorders) == 1
    expected, expected_total = weights_after(8, graph=False)
    assert torch.equal(weights, expected)
    assert total == expected_total


def test_biases_and_batch_norms_do_not_decay() -> None:
    """Weight decay acts on convolutions and the last layer's weights alone."""
    network = networks.build("small")
    decaying, kept = steps.optimizer_for(network, arguments.parse(OPTIONS), graph=False).param_groups
    assert (decaying["weight_decay"], kept["weight_decay"]) == (0.01, 0)
    assert sorted(weight.ndim for weight in decaying["params"]) == [2, 4, 4, 4]
    assert {weight.ndim for weight in kept["params"]} == {1}
