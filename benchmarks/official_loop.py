"""One epoch of PyTorch's official MNIST example: the baseline of our training.

Written from the description of https://github.com/pytorch/examples/tree/main/mnist: two convolutions, one
pooling, dropout and two dense layers, mini-batches of 64, Adadelta at rate 1, images opened with Pillow, then
converted to tensors and normalised one by one by a DataLoader, the loss printed every ten mini-batches.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from benchmarks.mnist import Mnist

BATCH, TEST_BATCH, LOG_INTERVAL = 64, 1000, 10
MEAN, STD = (0.1307,), (0.3081,)


class Net(nn.Module):
    """The example's network: 1.2 million parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, 1)
        self.conv2 = nn.Conv2d(32, 64, 3, 1)
        self.dropout1 = nn.Dropout(0.25)
        self.dropout2 = nn.Dropout(0.5)
        self.fc1 = nn.Linear(9216, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Log-probabilities (N, 10) of images (N, 1, 28, 28)."""
        x = functional.relu(self.conv1(x))
        x = functional.relu(self.conv2(x))
        x = self.dropout1(functional.max_pool2d(x, 2))
        x = functional.relu(self.fc1(torch.flatten(x, 1)))
        return functional.log_softmax(self.fc2(self.dropout2(x)), dim=1)


@dataclass(frozen=True)
class Images(Dataset[tuple[torch.Tensor, int]]):
    """Images one by one, through Pillow and through the operations of ToTensor and Normalize."""

    pixels: np.ndarray[Any, np.dtype[np.uint8]]
    labels: np.ndarray[Any, np.dtype[np.uint8]]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, position: int) -> tuple[torch.Tensor, int]:
        image = Image.fromarray(self.pixels[position])
        grey = torch.from_numpy(np.array(image, np.uint8, copy=True)).view(28, 28, 1)
        tensor = grey.permute(2, 0, 1).contiguous().to(torch.get_default_dtype()).div(255)
        mean, std = torch.as_tensor(MEAN).view(-1, 1, 1), torch.as_tensor(STD).view(-1, 1, 1)
        return tensor.clone().sub_(mean).div_(std), int(self.labels[position])


def train_epoch(mnist: Mnist, seed: int) -> Net:
    """The first epoch of the example on all training images; returns the network."""
    torch.manual_seed(seed)
    network = Net()
    optimizer = torch.optim.Adadelta(network.parameters(), lr=1.0)
    network.train()
    loader = DataLoader(Images(mnist.images, mnist.labels), batch_size=BATCH, shuffle=True)
    for number, (inputs, labels) in enumerate(loader):
        optimizer.zero_grad()
        loss = functional.nll_loss(network(inputs), labels)
        loss.backward()
        optimizer.step()
        if number % LOG_INTERVAL == 0:
            print(f"official loop: {number * BATCH:,} images, loss {loss.item():.4f}")
    return network


@torch.no_grad()
def test_accuracy(network: Net, mnist: Mnist) -> float:
    """The network's accuracy (0–1) on the test set."""
    network.eval()
    correct = 0
    for inputs, labels in DataLoader(Images(mnist.test_images, mnist.test_labels), batch_size=TEST_BATCH):
        correct += int((network(inputs).argmax(1) == labels).sum())
    return correct / len(mnist.test_labels)
