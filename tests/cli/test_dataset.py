"""`digits dataset`."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from tests.cli.moto_account import deployed_stack
from tests.made_digits import made, made_set
from tests.settings_and_events import BUCKET
from training import fetch
from training.datasets import DataSet, Digits, idx
from training.download import Progress


@pytest.fixture(autouse=True)
def account() -> Iterator[None]:
    """An account with a deployed stack."""
    with deployed_stack():
        yield


def digits(*arguments: str) -> Result:
    """Run `digits dataset` in a wide terminal."""
    return CliRunner().invoke(app, ["dataset", *arguments], env={"COLUMNS": "200"})


def keys() -> set[str]:
    """All keys of the bucket."""
    listed = boto3.client("s3").list_objects_v2(Bucket=BUCKET)
    return {entry["Key"] for entry in listed.get("Contents", [])}


def write(folder: Path, dataset: DataSet) -> Path:
    """Write MNIST's four files."""
    folder.mkdir()
    for part, digits in (("train", dataset.training), ("t10k", dataset.test)):
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(digits.images))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx(digits.labels))
    return folder


def test_mnist_is_read_from_the_folder_that_mnist_dir_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the demo: nothing is downloaded, and a folder without the files is an error that names one."""
    monkeypatch.setattr(fetch, "fetch", None)
    monkeypatch.setenv("MNIST_DIR", str(write(tmp_path / "mnist", made_set())))
    done = digits("mnist")
    assert done.exit_code == 0, done.output
    described = boto3.client("s3").get_object(Bucket=BUCKET, Key="datasets/mnist/dataset.json")
    assert json.loads(described["Body"].read())["source"] == "MNIST's IDX files"
    monkeypatch.setenv("MNIST_DIR", str(tmp_path))
    done = digits("mnist")
    assert done.exit_code == 1
    assert f"MNIST_DIR={tmp_path}: expected the file train-images-idx3-ubyte" in done.output


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ([], "my-digits"),
        (["yours"], "yours"),
        (["yours", "--name", "ours"], "ours"),
    ],
)
def test_a_folder_becomes_a_data_set_of_the_requested_name(
    tmp_path: Path, arguments: list[str], name: str
) -> None:
    """--name, else NAME, else the folder's name; four files and the description are in the bucket."""
    folder = write(tmp_path / "my-digits", made_set())
    done = digits(*arguments, "--from", str(folder))
    assert done.exit_code == 0, done.output
    assert len(keys()) == 5
    assert all(key.startswith(f"datasets/{name}/") for key in keys())
    description = boto3.client("s3").get_object(Bucket=BUCKET, Key=f"datasets/{name}/dataset.json")
    found = json.loads(description["Body"].read())
    assert (found["name"], found["source"]) == (name, "folder my-digits")
    assert found["sha256"] in done.output
    assert f"s3://{BUCKET}/datasets/{name}/training/  20 images" in done.output


def test_a_second_time_nothing_is_sent(tmp_path: Path) -> None:
    """The command lists the objects that it uploaded: first all five, then none."""
    folder = write(tmp_path / "mine", made_set())
    assert "uploaded: training/digits-images-idx3-ubyte.gz, " in digits("--from", str(folder)).output
    assert "uploaded: nothing, everything was there already" in digits("--from", str(folder)).output


def test_a_published_data_set_is_fetched_into_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NAME and the folder for downloads reach the fetching; the name in the bucket may be another."""
    asked = []

    def fetched(name: str, folder: Path, progress: Progress) -> DataSet:
        progress("train-images-idx3-ubyte.gz", 5, 10)
        asked.append((name, folder))
        return made_set(name)

    monkeypatch.setattr(fetch, "fetch", fetched)
    done = digits("kmnist", "--name", "kanji", "--folder", str(tmp_path))
    assert done.exit_code == 0, done.output
    assert asked == [("kmnist", tmp_path)]
    assert "Downloading train-images-idx3-ubyte.gz" in done.output
    assert "datasets/kanji/dataset.json" in keys()


def test_warnings_are_shown_and_the_data_set_is_uploaded(tmp_path: Path) -> None:
    """Test images among the training images are reported; training on them is the user's choice."""
    same = made(10, seed=1)
    done = digits("--from", str(write(tmp_path / "mine", DataSet("", "", same, same))))
    assert "Warning: mine: 10 of 10 test images are also training images" in done.output
    assert "datasets/mine/dataset.json" in keys()


def test_a_broken_data_set_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    """A magic number that isn't IDX's is one sentence on standard error, and the bucket stays empty."""
    folder = write(tmp_path / "mine", made_set())
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(idx(made(10, seed=1).images))
    done = digits("--from", str(folder))
    assert done.exit_code == 1
    assert "expected the magic number 0x00000801, found 0x00000803" in done.stderr
    assert "Traceback" not in done.output
    assert keys() == set()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["letters"], "expected one of mnist, emnist-digits, qmnist, kmnist, fashion-mnist, or --from DIR"),
        ([], "or --from DIR, found neither"),
        (
            ["mnist", "--name", "My Digits"],
            "digits and hyphens, found 'My Digits'. Choose one with --name",
        ),
        (["mnist", "--stack", "other"], "stack other: expected a deployed stack"),
    ],
)
def test_an_impossible_request_is_reported_with_what_to_do(arguments: list[str], message: str) -> None:
    """An unknown data set, a name that isn't one, a missing stack: exit status 1."""
    done = digits(*arguments)
    assert done.exit_code == 1
    assert message in done.stderr
    assert keys() == set()


def test_foreign_objects_are_reported(tmp_path: Path) -> None:
    """A channel that holds other objects is an error that names them."""
    boto3.client("s3").put_object(Bucket=BUCKET, Key="datasets/mine/test/x.gz", Body=b"")
    done = digits("--from", str(write(tmp_path / "mine", made_set())))
    assert done.exit_code == 1
    assert "found test/x.gz. Remove them, or upload under another name (--name)" in done.stderr


def test_help_names_every_published_data_set() -> None:
    """What --help lists is what can be fetched."""
    shown = re.sub(r"\s+", " ", digits("--help").output.replace("│", " "))
    assert all(name in shown for name in fetch.PUBLISHED)


def test_a_picture_folder_is_read_with_its_labels(tmp_path: Path) -> None:
    """Class folders of images are uploaded as IDX files, one image in seven as the test."""
    from PIL import Image

    some: Digits = made(70, seed=1)
    for number in range(70):
        folder = tmp_path / "mine" / str(some.labels[number])
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(some.images[number]).save(folder / f"{number}.png")
    done = digits("--from", str(tmp_path / "mine"))
    assert done.exit_code == 0, done.output
    assert "datasets/mine/training/  60 images" in done.output
    assert "datasets/mine/test/  10 images" in done.output
