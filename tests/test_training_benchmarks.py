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


class Shifted(nn.Module):
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


def test_an_ensemble_votes_over_shifted_images() -> None:
    """The shifts' probabilities are summed: one that is far surer outvotes four, but not four sure ones."""
    images = np.zeros((2, 28, 28), np.uint8)
    images[1, 0, 1] = 255
    digits = mnist.Mnist(images, np.array([0, 1], np.uint8), images, np.array([0, 1], np.uint8))
    network = Shifted()
    assert training_runs.test_accuracy(network, digits) == 0.5
    plain = np.array([0, 0], np.uint8)
    assert training_runs.accuracy(network, images, plain) == 1
    network.sureness.data.fill_(5)
    assert training_runs.ensemble_accuracy([network, network], digits) == 0.5
    network.sureness.data.fill_(0.01)
    assert training_runs.ensemble_accuracy([network, network], digits) == 1
