"""The moving average of a network's weights."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import train
from averaging import Average
from steps import Step


class Grows(nn.Module):
    """A weight and a statistic that the test sets, and a count."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2))
        self.statistic = nn.Buffer(torch.zeros(3))
        self.count = nn.Buffer(torch.zeros((), dtype=torch.int64))


def test_it_is_a_mean_at_first_and_leaves_more_and_more_of_the_past_then() -> None:
    """With decay 0.75 the fourth step still counts a quarter, as in a mean, and so does every later one."""
    network = Grows()
    average = Average(network, 0.75)
    expected, values = [2.0, 3.0, 5.0, 6.0, 8.5], [2.0, 4.0, 9.0, 9.0, 16.0]
    for value, mean in zip(values, expected, strict=True):
        for tensor in (network.weight.data, network.statistic):
            tensor.fill_(value)
        average.update(network)
        torch.testing.assert_close(average.network.weight, torch.full((2,), mean))
        torch.testing.assert_close(average.network.statistic, torch.full((3,), mean))


def test_a_network_becomes_its_average_and_keeps_its_count() -> None:
    """Weights and statistics are overwritten in place; counters aren't averaged."""
    network = Grows()
    average = Average(network, 0.5)
    weight = network.weight
    for value in (1.0, 3.0):
        network.weight.data.fill_(value)
        network.count.add_(7)
        average.update(network)
    average.write_to(network)
    assert network.weight is weight
    assert (weight.tolist(), network.count.item()) == ([2.0, 2.0], 14)


def test_an_average_resumes_from_its_state() -> None:
    """The number of steps is part of the state: the third step counts a third after a restart, too."""
    network = Grows()
    average = Average(network, 0.9)
    for value in (3.0, 6.0):
        network.weight.data.fill_(value)
        average.update(network)
    resumed = Average(Grows(), 0.9)
    resumed.load_state_dict(average.state_dict())
    network.weight.data.fill_(9.0)
    resumed.update(network)
    torch.testing.assert_close(resumed.network.weight, torch.full((2,), 6.0))


@pytest.mark.parametrize("decay", [0.5, 0.99])
def test_the_model_of_a_training_is_the_average(
    training_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decay: float
) -> None:
    """With --ema-decay the artifact holds the average over the steps, not the last step's weights."""
    seen: list[torch.Tensor] = []
    work: Callable[[Step, torch.Tensor], None] = Step.__call__

    def watched(step: Step, positions: torch.Tensor) -> None:
        work(step, positions)
        seen.append(next(step.network.parameters()).detach().clone())

    monkeypatch.setattr(Step, "__call__", watched)
    folders = ["--training", str(training_folder), "--model-dir", str(tmp_path)]
    arguments = ["--epochs", "2", "--batch-size", "40", "--validation-images", "0", "--threads", "1"]
    assert train.main([*arguments, *folders, "--ema-decay", str(decay)]) == 0
    expected = torch.zeros_like(seen[0])
    for number, weight in enumerate(seen, 1):
        expected += (weight - expected) * max(1 / number, 1 - decay)
    found = load_file(tmp_path / "model.safetensors")["0.conv.weight"]
    torch.testing.assert_close(found, expected)
    assert not torch.allclose(found, seen[-1])
