"""The benchmarks of training: what they compare, on a few images."""

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks import mnist, official_loop, training_runs


@pytest.fixture
def digits() -> mnist.Mnist:
    """A few hundred random images; each label is a tenth of them."""
    random = np.random.RandomState(0)
    images = random.randint(0, 256, (384, 28, 28)).astype(np.uint8)
    labels = (np.arange(384) % 10).astype(np.uint8)
    return mnist.Mnist(images, labels, images[:100], labels[:100])


class Corner(nn.Module):
    """Reads the label 1 from an image whose first pixel is white, and else 0, less sure."""

    def __init__(self) -> None:
        super().__init__()
        self.sureness = nn.Parameter(torch.ones(()))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Logits (N, 2)."""
        white = (inputs[:, 0, 0, 0] > 1).float()
        return torch.stack([1 - white, 9 * white], dim=1) * self.sureness


def test_the_official_network_has_the_published_size() -> None:
    """The example's network is known to have 1,199,882 parameters."""
    assert sum(weight.numel() for weight in official_loop.Net().parameters()) == 1_199_882


def test_the_official_loop_trains_and_is_measured(
    digits: mnist.Mnist, capsys: pytest.CaptureFixture[str]
) -> None:
    """An epoch changes the network, and its accuracy is a share of the test images."""
    torch.manual_seed(1)
    fresh = official_loop.Net().fc2.weight
    network = official_loop.train_epoch(digits, seed=1)
    assert "official loop: 0 images" in capsys.readouterr().out
    assert (network.fc2.weight - fresh).abs().max() > 1e-3
    assert 0 <= official_loop.test_accuracy(network, digits) <= 1


@pytest.mark.parametrize("arch", training_runs.RECIPES)
def test_every_recipe_is_one_that_train_py_takes(arch: str) -> None:
    """The recipes' arguments are read, and name their network."""
    options = training_runs.options_of(arch, 3)
    assert (options.arch, options.seed) == (arch, 3)


def test_a_training_counts_its_images_and_is_watched(digits: mnist.Mnist) -> None:
    """Three mini-batches of 128 an epoch are 768 images in two, and the network is seen after each epoch."""
    seen: list[nn.Module] = []
    options = training_runs.options_of("small", 0, "--epochs", "2")
    trained = training_runs.fit(digits, options, after_epoch=seen.append)
    assert trained.images == 768
    assert seen == [trained.network] * 2


def test_an_ensemble_votes_with_networks_that_are_averaged_over_shifts() -> None:
    """A network alone misses a pixel that one of the shifts brings to its place; an ensemble doesn't."""
    images = np.zeros((2, 28, 28), np.uint8)
    images[1, 0, 1] = 255
    digits = mnist.Mnist(images, np.array([0, 1], np.uint8), images, np.array([0, 1], np.uint8))
    assert training_runs.test_accuracy(Corner(), digits) == 0.5
    assert training_runs.ensemble_accuracy([Corner(), Corner()], digits) == 1


def test_an_ensemble_sums_probabilities() -> None:
    """A network that is sure outvotes two that hardly lean the other way, though not in a vote by heads."""
    images = np.zeros((2, 28, 28), np.uint8)
    images[1, 0, 0] = 255
    digits = mnist.Mnist(images, np.array([0, 1], np.uint8), images, np.array([0, 1], np.uint8))
    sure, first, second = Corner(), Corner(), Corner()
    sure.sureness.data.fill_(5)
    for other in (first, second):
        other.sureness.data.fill_(-0.1)
    assert training_runs.ensemble_accuracy([first, second], digits) == 0
    assert training_runs.ensemble_accuracy([sure, first, second], digits) == 1


def test_a_finished_model_is_averaged_over_the_shifts_of_its_recipe(digits: mnist.Mnist) -> None:
    """With --shifts the model that is measured isn't the bare network, which is what an epoch is seen of."""
    seen: list[nn.Module] = []
    options = training_runs.options_of("small", 0, "--epochs", "1", "--shifts", "1")
    trained = training_runs.fit(digits, options, after_epoch=seen.append)
    network, inputs = seen[0].eval(), torch.randn(8, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = training_runs.averaged(network, 1)(inputs)
        torch.testing.assert_close(trained.network(inputs), expected)
        assert not torch.allclose(network(inputs), expected)
