"""Averaging over shifted images, as training measures it and inference does it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import nn

import inference
import model as networks
import train
from calibration import apply_temperature
from images import MEAN, STD

Blocks = Callable[..., tuple[NDArray[np.uint8], NDArray[np.uint8]]]
SHORT = ["--epochs", "0.4", "--batch-size", "20", "--augmentation", "0.2", "--validation-images", "0"]


def moved(images: NDArray[np.uint8], down: int, right: int) -> torch.Tensor:
    """Images shifted by a number of pixels, filled with black."""
    result = np.zeros_like(images)
    rows, columns = images.shape[1:]
    result[:, max(0, down) : rows + min(0, down), max(0, right) : columns + min(0, right)] = images[
        :, max(0, -down) : rows - max(0, down), max(0, -right) : columns - max(0, right)
    ]
    return torch.from_numpy(result)


def network_of(folder: Path) -> nn.Module:
    """The artifact's network alone, as it was trained."""
    network = networks.build("small").eval()
    network.load_state_dict(load_file(folder / "model.safetensors"))
    return network


@pytest.fixture(scope="module")
def shifted_artifact(
    tmp_path_factory: pytest.TempPathFactory, training_folder: Path, test_folder: Path
) -> Path:
    """The artifact of a training of a few steps with --shifts 3: far, so that the average matters."""
    folder = tmp_path_factory.mktemp("shifted")
    folders = ["--training", str(training_folder), "--test", str(test_folder), "--model-dir", str(folder)]
    assert train.main([*SHORT, *folders, "--threads", "1", "--shifts", "3"]) == 0
    return folder


@pytest.mark.parametrize("pixels", [1, 3])
def test_the_logits_are_the_mean_over_the_image_and_its_four_shifts(
    artifact_folder: Path, block_images: Blocks, pixels: int
) -> None:
    """Five passes over images that were moved as bytes, with black behind, have the wrapper's mean."""
    images, _ = block_images(20, seed=3)
    network = network_of(artifact_folder)
    places = [(0, 0), (pixels, 0), (-pixels, 0), (0, pixels), (0, -pixels)]
    expected = torch.stack([train.compute_logits(network, moved(images, *place)) for place in places]).mean(0)
    averaged = networks.over_shifts(network, pixels, MEAN, STD)
    torch.testing.assert_close(train.compute_logits(averaged, torch.from_numpy(images)), expected)


def test_a_shift_of_nothing_is_the_network_itself() -> None:
    """With 0 pixels nothing is wrapped, and inference costs one pass."""
    network = networks.build("small")
    assert networks.over_shifts(network, 0, MEAN, STD) is network


def test_an_image_that_is_moved_by_a_pixel_changes_its_logits_less(
    artifact_folder: Path, block_images: Blocks
) -> None:
    """The mean change of a logit under a shift by one pixel is smaller with the average than without."""
    images, _ = block_images(100, seed=4)
    network = network_of(artifact_folder)

    def change(model: nn.Module) -> float:
        still = train.compute_logits(model, torch.from_numpy(images))
        sides = [
            train.compute_logits(model, moved(images, *place)) for place in ((0, 1), (0, -1), (1, 0), (-1, 0))
        ]
        return (torch.stack(sides) - still).abs().mean().item()

    assert change(networks.over_shifts(network, 1, MEAN, STD)) < 0.9 * change(network)


def test_a_temperature_divides_the_averaged_logits(artifact_folder: Path, block_images: Blocks) -> None:
    """Softening the network's last layer divides the mean of its logits by the same temperature."""
    images = torch.from_numpy(block_images(20, seed=5)[0])
    network = network_of(artifact_folder)
    averaged = networks.over_shifts(network, 1, MEAN, STD)
    before = train.compute_logits(averaged, images)
    apply_temperature(network, 1.7)
    torch.testing.assert_close(train.compute_logits(averaged, images), before / 1.7)


def test_shifts_change_what_is_measured_and_no_weight(
    shifted_artifact: Path, training_folder: Path, test_folder: Path, tmp_path: Path
) -> None:
    """With and without --shifts the weights are the same bytes; the measured accuracy isn't the same."""
    folders = ["--training", str(training_folder), "--test", str(test_folder), "--model-dir", str(tmp_path)]
    assert train.main([*SHORT, *folders, "--threads", "1"]) == 0
    weights = [(folder / "model.safetensors").read_bytes() for folder in (tmp_path, shifted_artifact)]
    plain, shifted = (
        json.loads((folder / "config.json").read_text()) for folder in (tmp_path, shifted_artifact)
    )
    assert weights[0] == weights[1]
    assert (plain["shifts"], shifted["shifts"]) == (0, 3)
    assert plain["metrics"]["test-accuracy"] != shifted["metrics"]["test-accuracy"]


def test_inference_predicts_what_training_measured(
    shifted_artifact: Path, s3: Any, as_png: Callable[..., bytes], block_images: Blocks
) -> None:
    """Through the toolkit's functions an artifact with shifts has its config.json's accuracy and matrix."""
    images, labels = block_images(50, seed=2)
    lines = []
    for number, image in enumerate(images):
        s3.put_object(Bucket="digits", Key=f"incoming/{number}.png", Body=as_png(image))
        lines.append(b'{"source-ref": "s3://digits/incoming/%d.png"}' % number)
    model = inference.model_fn(str(shifted_artifact))
    predictions = inference.predict_fn(lines, model)
    model.pool.shutdown()

    config = json.loads((shifted_artifact / "config.json").read_text())
    matrix = np.zeros((10, 10), int)
    np.add.at(matrix, (labels, [prediction["label"] for prediction in predictions]), 1)
    assert matrix.tolist() == config["confusion_matrix"]
    assert matrix.trace() / 50 == config["metrics"]["test-accuracy"]
    averaged = networks.over_shifts(network_of(shifted_artifact), 3, MEAN, STD)
    expected = train.compute_logits(averaged, torch.from_numpy(images)).softmax(1).amax(1)
    assert [each["confidence"] for each in predictions] == pytest.approx(expected.tolist(), abs=1e-3)


def test_an_artifact_from_before_shifts_is_read_as_it_is(
    artifact_folder: Path, tmp_path: Path, block_images: Blocks
) -> None:
    """A config.json without `shifts` means none: the logits are those of the network alone."""
    shutil.copy(artifact_folder / "model.safetensors", tmp_path)
    config = json.loads((artifact_folder / "config.json").read_text())
    del config["shifts"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    _, network = inference.load_network(tmp_path)
    images = torch.from_numpy(block_images(20, seed=6)[0])
    torch.testing.assert_close(
        train.compute_logits(network, images),
        train.compute_logits(network_of(tmp_path), images),
        rtol=1e-4,
        atol=1e-4,
    )
