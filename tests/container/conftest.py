"""A small, learnable data set in IDX files, an artifact trained on it, and a bucket of its images in moto."""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import torch
from moto import mock_aws

import inference
import train
from tests.container.blocks import Bytes, WriteDataSet, blocks, idx, png

torch.set_num_threads(1)  # the processes of a run share the machine's cores


@pytest.fixture(scope="session")
def write_data_set() -> WriteDataSet:
    """A function that writes images and labels into a folder as IDX files, gzipped on demand."""

    def write(folder: Path, images: Bytes, labels: Bytes, packed: bool = False) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for kind, array in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels)):
            content = idx(array)
            name = f"some-{kind}" + (".gz" if packed else "")
            (folder / name).write_bytes(gzip.compress(content) if packed else content)
        return folder

    return write


@pytest.fixture(scope="session")
def training_folder(tmp_path_factory: pytest.TempPathFactory, write_data_set: WriteDataSet) -> Path:
    """A training channel of 240 images."""
    return write_data_set(tmp_path_factory.mktemp("training"), *blocks(240, seed=1))


@pytest.fixture(scope="session")
def test_folder(tmp_path_factory: pytest.TempPathFactory, write_data_set: WriteDataSet) -> Path:
    """A test channel of 50 images, gzipped."""
    return write_data_set(tmp_path_factory.mktemp("test"), *blocks(50, seed=2), packed=True)


@pytest.fixture(scope="session")
def artifact_folder(
    tmp_path_factory: pytest.TempPathFactory, training_folder: Path, test_folder: Path
) -> Path:
    """The artifact of a short training of `small`."""
    folder = tmp_path_factory.mktemp("artifact")
    arguments = ["--epochs", "12", "--batch-size", "20", "--augmentation", "0.2", "--threads", "1"]
    folders = ["--training", str(training_folder), "--test", str(test_folder), "--model-dir", str(folder)]
    assert train.main([*arguments, *folders]) == 0
    return folder


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An S3 client against moto in this interpreter, with the bucket `digits`."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "IMAGE_PREFIX": "s3://digits/incoming/",
        "IMAGE_FETCHERS": "8",
        "OMP_NUM_THREADS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="digits", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield client


@pytest.fixture
def model(s3: Any, artifact_folder: Path) -> Iterator[inference.Model]:
    """The artifact, loaded as the serving container loads it."""
    loaded = inference.model_fn(str(artifact_folder))
    yield loaded
    loaded.pool.shutdown()


@pytest.fixture
def answer(model: inference.Model) -> Callable[..., list[dict[str, Any]]]:
    """A function that sends references through the toolkit's functions and returns the answer's lines."""

    def request(*references: str) -> list[dict[str, Any]]:
        body = "".join(json.dumps({"source-ref": reference}) + "\n" for reference in references)
        records = inference.input_fn(body.encode(), "application/jsonlines")
        output = inference.output_fn(inference.predict_fn(records, model), "application/jsonlines")
        return [json.loads(line) for line in output.splitlines()]

    return request


@pytest.fixture(scope="session")
def block_images() -> Callable[..., tuple[Bytes, Bytes]]:
    """The function that makes images and labels of the small data set."""
    return blocks


@pytest.fixture(scope="session")
def as_png() -> Callable[..., bytes]:
    """The function that packs pixels as a PNG."""
    return png
