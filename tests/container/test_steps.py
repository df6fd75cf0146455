"""One step of training, and its recording."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn

import arguments
import model as networks
import steps
from averaging import Average
from images import augment, normalise

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


class FirstStep(NamedTuple):
    """A network before and after a training's first step, and the step's loss and mini-batch."""

    before: nn.Module
    after: nn.Module
    loss: torch.Tensor
    images: torch.Tensor
    labels: torch.Tensor


def first_step(*given: str) -> FirstStep:
    """The first step of a training with these arguments, at a learning rate of 0.01."""
    torch.manual_seed(0)
    options = arguments.parse([*OPTIONS, *given])
    network = networks.build("small")
    before = copy.deepcopy(network)
    images = torch.randint(0, 256, (40, 28, 28), dtype=torch.uint8)
    labels = torch.arange(40) % 10
    optimizer = steps.optimizer_for(network, options, graph=False)
    step = steps.Step(network, optimizer, images, labels, options, graph=False)
    for group in optimizer.param_groups:
        group["lr"].fill_(0.01)
    positions = torch.arange(3, 23)
    torch.manual_seed(7)
    step(positions)
    return FirstStep(before, network, step.total, images[positions], labels[positions])


@pytest.mark.parametrize("smoothing", [0.0, 0.4])
@pytest.mark.parametrize("augmentation", [0.0, 1.5])
def test_a_step_measures_the_smoothed_loss_of_the_augmented_mini_batch(
    smoothing: float, augmentation: float
) -> None:
    """Of the labels' weight the share of the smoothing is spread over all ten; images are as augmented."""
    before, _, loss, images, labels = first_step(
        *("--label-smoothing", str(smoothing), "--augmentation", str(augmentation))
    )
    torch.manual_seed(7)
    likelihoods = before(normalise(augment(images, augmentation))).log_softmax(1)
    expected = -(
        (1 - smoothing) * likelihoods[torch.arange(20), labels] + smoothing * likelihoods.mean(1)
    ).mean()
    torch.testing.assert_close(loss, expected.detach(), rtol=1e-2, atol=0)  # bfloat16 has 8 bits


def test_the_learning_rate_is_the_length_of_adams_first_step() -> None:
    """Without decay each weight moves by the learning rate, whatever its gradient's size."""
    before, after, *_ = first_step("--weight-decay", "0")
    for old, new in zip(before.parameters(), after.parameters(), strict=True):
        assert (new - old).abs().max().item() == pytest.approx(0.01, rel=1e-2)


def test_weight_decay_takes_its_share_of_the_weights_alone() -> None:
    """A first step leaves less of the weights by decay times learning rate, and as much of all the rest."""
    before, without, *_ = first_step("--weight-decay", "0")
    decayed = first_step("--weight-decay", "0.5").after
    for old, plain, less in zip(before.parameters(), without.parameters(), decayed.parameters(), strict=True):
        share = 0.01 * 0.5 if old.ndim > 1 else 0.0
        torch.testing.assert_close(less, plain - share * old, rtol=0, atol=1e-6)
