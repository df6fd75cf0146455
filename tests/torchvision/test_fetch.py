"""Data sets through torchvision itself: `make torchvision` runs these, in an environment of its own."""

from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from torchvision import datasets
from typer.testing import CliRunner

from cli import stack
from cli.main import app
from tests.settings_and_events import BUCKET, use_moto_account
from training.container.data import DataError, load
from training.datasets import DataSet, Digits
from training.fetch import PUBLISHED, fetch


def same(one: Digits, other: Digits) -> bool:
    """Whether two sets hold the same images with the same labels in the same order."""
    return bool((one.images == other.images).all() and (one.labels == other.labels).all())


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_data_set_is_read_upright_with_its_digits(
    tmp_path: Path, served: dict[str, DataSet], name: str
) -> None:
    """In every published form, images have their rows as rows, and labels are digits."""
    found = fetch(name, tmp_path / "cache")
    assert same(found.training, served[name].training)
    assert same(found.test, served[name].test)
    assert found.source == f"torchvision.datasets.{PUBLISHED[name].kind}"


def test_a_download_is_kept(
    tmp_path: Path, served: dict[str, DataSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second time nothing is downloaded: the address may be gone."""
    fetch("kmnist", tmp_path / "cache")
    monkeypatch.setattr(datasets.KMNIST, "mirrors", ["http://127.0.0.1:9/"])
    assert same(fetch("kmnist", tmp_path / "cache").test, served["kmnist"].test)


def test_files_that_are_not_those_published_are_refused(
    tmp_path: Path, served: dict[str, DataSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file with another digest is an error that names the data set and what to do."""
    resources = [(file, "0" * 32) for file, _ in datasets.KMNIST.resources]
    monkeypatch.setattr(datasets.KMNIST, "resources", resources)
    with pytest.raises(DataError, match=r"kmnist: expected to download .* found: .*delete .*cache/KMNIST"):
        fetch("kmnist", tmp_path / "cache")


def test_a_kept_file_that_was_cut_is_refused(tmp_path: Path, served: dict[str, DataSet]) -> None:
    """A partial download is an error, though torchvision accepts any existing file."""
    fetch("kmnist", tmp_path / "cache")
    file = tmp_path / "cache" / "KMNIST" / "raw" / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(DataError, match=r"kmnist: .* found: .*delete .*KMNIST"):
        fetch("kmnist", tmp_path / "cache")


def test_the_command_puts_mnist_where_training_reads_it(
    tmp_path: Path, served: dict[str, DataSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`digits dataset mnist` fetches, checks and uploads: train.py's reader finds the same digits."""
    use_moto_account(monkeypatch)
    outputs = {"BucketName": BUCKET, "ModelPackageGroupName": "digits"}
    monkeypatch.setattr(stack, "find", lambda name: stack.Stack(name, outputs))
    stack.client.cache_clear()
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        done = CliRunner().invoke(app, ["dataset", "mnist", "--folder", str(tmp_path / "cache")])
        assert done.exit_code == 0, done.output
        for channel, digits in served["mnist"].channels.items():
            folder = tmp_path / channel
            folder.mkdir()
            for file in ("digits-images-idx3-ubyte.gz", "digits-labels-idx1-ubyte.gz"):
                key = f"datasets/mnist/{channel}/{file}"
                boto3.client("s3").download_file(BUCKET, key, str(folder / file))
            assert same(Digits(*load(folder)), digits)
    stack.client.cache_clear()


@pytest.mark.parametrize("name", PUBLISHED)
def test_mirrors_and_digests_are_torchvision_s(name: str) -> None:
    """What is fetched without torchvision are the files that it fetches."""
    published = PUBLISHED[name]
    kind = getattr(datasets, published.kind)
    ours = {f"{mirror}{file}": md5 for mirror in published.mirrors for file, md5 in published.files.items()}
    if name == "emnist-digits":
        theirs = {kind.url: kind.md5}
    elif name == "qmnist":
        theirs = dict([*kind.resources["train"], *kind.resources["test"]])
    else:
        theirs = {f"{mirror}{file}": md5 for mirror in kind.mirrors for file, md5 in kind.resources}
    assert ours == theirs
