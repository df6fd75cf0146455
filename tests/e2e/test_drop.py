"""`digits check`, then `digits drop --wait`, over the local cloud, to the report."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from cli import stack as commands
from cli.drop import following
from cli.main import app
from localcloud.assembly import local_cloud
from tests.stack import STACK_NAME, Stack, deploy_template
from training.datasets import Digits, Splits

pytestmark = pytest.mark.deploys
IMAGES = 12


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest, parts: Splits) -> Iterator[Stack]:
    """The stack with one approved model, trained on a few real digits."""
    with local_cloud() as cloud:
        deployed = deploy_template(request, cloud, MinimumAccuracy="0.5")
        deployed.train_on_few(parts)
        yield deployed


@pytest.fixture(autouse=True)
def shell(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands find the cloud."""
    monkeypatch.setattr(commands, "client", stack.cloud.client)
    monkeypatch.setattr(following, "client", stack.cloud.client)
    monkeypatch.setattr(following, "POLL_SECONDS", 0.2)


def digits(*arguments: Path | str, status: int = 0) -> Result:
    """Run a command in a usual terminal."""
    done = CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "80"})
    assert done.exit_code == status, done.output
    return done


def class_folders(where: Path, digits: Digits) -> Path:
    """Images in folders of their labels."""
    for number in range(IMAGES):
        file = where / str(digits.labels[number]) / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        packed = io.BytesIO()
        Image.fromarray(digits.images[number]).save(packed, format="PNG")
        file.write_bytes(packed.getvalue())
    return where


@pytest.mark.parametrize("options", [[], ["--loose"]])
def test_a_class_folder_is_checked_dropped_and_reported(
    stack: Stack, parts: Splits, tmp_path: Path, options: list[str]
) -> None:
    """What check expects is what the report says: images, labels, requests; a second drop shows it again."""
    name = f"mine{''.join(options)}"
    path = class_folders(tmp_path / name, parts.batch)
    checked = json.loads(digits("check", path, "--json").stdout)
    assert (checked["images"], checked["labelled"], checked["verdict"]) == (IMAGES, IMAGES, "fine")
    printed = digits("drop", path, "--wait", "--stack", STACK_NAME, *options).stdout
    assert "Completed" in printed
    (report,) = stack.reports(name if options else f"{name}.zip")
    assert report["coverage"] == {"expected": IMAGES, "scored": IMAGES, "unreadable": 0, "missing": 0}
    assert report["labelled"] == IMAGES
    assert report["cost"]["requests"] == (IMAGES if options else checked["expected"]["requests"])
    again = digits("drop", path, "--wait", "--stack", STACK_NAME, *options).stdout
    assert "nothing was uploaded" in again
    assert "Completed" in again
    assert len(stack.reports(report["batch"])) == 1


def test_a_run_with_images_that_are_not_scored_has_status_1(stack: Stack, tmp_path: Path) -> None:
    """Its report is printed all the same: here every image is of another size."""
    for number in range(3):
        Image.new("L", (32, 32)).save(tmp_path / f"{number}.png")
    printed = digits("drop", tmp_path, "--name", "large", "--wait", "--stack", STACK_NAME, status=1).stdout
    assert "No image can be read" in printed
    assert "0 of 3 scored" in printed
    (report,) = stack.reports("large.zip")
    assert report["coverage"]["unreadable"] == 3
