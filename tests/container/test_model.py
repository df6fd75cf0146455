"""The networks by name."""

import pytest
import torch
from torch import nn

import model as networks


@pytest.mark.parametrize(("arch", "parameters"), [("small", 29_434), ("base", 61_426), ("large", 298_410)])
def test_each_network_has_its_size_and_gives_ten_logits(arch: str, parameters: int) -> None:
    """A name keeps its number of parameters, as artifacts carry it, and maps 28 × 28 pixels to ten logits."""
    network = networks.build(arch).eval()
    assert sum(weight.numel() for weight in network.parameters()) == parameters
    assert network(torch.zeros(3, 1, 28, 28)).shape == (3, 10)


@pytest.mark.parametrize("arch", networks.ARCHITECTURES)
def test_each_network_has_three_by_three_places_before_its_last_layer(arch: str) -> None:
    """28 pixels a side become 14, then half as many, rounded down: no row of an image is left out."""
    network, sides = networks.build(arch), []
    for layer in network.children():
        layer.register_forward_hook(lambda _layer, _inputs, output: sides.append(output.shape[-1]))
    network(torch.zeros(2, 1, 28, 28))
    expected = {
        "small": [14, 12, 6, 6, 3],
        "base": [14, 14, 7, 7, 3],
        "large": [28, 28, 14, 14, 14, 7, 7, 7, 3],
    }
    assert sides[:-3] == expected[arch]


@pytest.mark.parametrize("arch", networks.ARCHITECTURES)
def test_folding_batch_norm_keeps_the_logits(arch: str) -> None:
    """A folded network has no BatchNorm and the logits of the original, which stays as it was."""
    torch.manual_seed(0)
    network = networks.build(arch)
    images = torch.randn(32, 1, 28, 28)
    network(images)  # in training mode: the running statistics leave their initial values
    network.eval()
    folded = networks.fold_batch_norm(network)
    torch.testing.assert_close(folded(images), network(images), rtol=1e-4, atol=1e-4)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def test_dropout_acts_in_training_only() -> None:
    """With dropout two forward passes differ in training and agree in evaluation."""
    torch.manual_seed(0)
    network, images = networks.build("small", dropout=0.5), torch.randn(4, 1, 28, 28)
    assert not torch.equal(network(images), network(images))
    network.eval()
    assert torch.equal(network(images), network(images))


@pytest.mark.parametrize("share", [0.2, 0.6])
def test_dropout_leaves_out_its_share_of_what_the_last_layer_reads(share: float) -> None:
    """In training so many of its inputs are zero, and the others larger, so that the mean stays."""
    torch.manual_seed(0)
    network, images = networks.build("small", dropout=share), torch.randn(200, 1, 28, 28)
    read: list[torch.Tensor] = []
    *_, last = network.children()
    last.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    *others, _, _ = network.children()
    whole = nn.Sequential(*others)(images)
    network(images)
    (inputs,) = read
    shown = whole > 0
    assert (inputs[shown] == 0).double().mean().item() == pytest.approx(share, abs=0.02)
    kept = shown & (inputs > 0)
    torch.testing.assert_close(inputs[kept], whole[kept] / (1 - share))


def test_an_unknown_network_is_refused_with_the_known_names() -> None:
    """The error of an unknown name lists the names that exist."""
    with pytest.raises(ValueError, match="expected one of small, base, large, found 'huge'"):
        networks.build("huge")
