"""Model artifacts in S3: their digest, and what config.json says of the model."""

import gzip
import hashlib
import io
import json
import tarfile
from typing import Any

import pytest

from batch_prediction.aws.clients import Clients
from batch_prediction.models import artifact
from tests.functions.models.training_jobs import packed
from tests.settings_and_events import BUCKET

KEY = "models/digits-1/output/model.tar.gz"
URI = f"s3://{BUCKET}/{KEY}"


def archive(files: dict[str, bytes]) -> bytes:
    """A tar.gz of these files."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as packing:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packing.addfile(member, io.BytesIO(content))
    return target.getvalue()


def read(aws: Clients, body: bytes) -> artifact.Artifact:
    """Read an artifact with these bytes."""
    aws.s3.put_object(Bucket=BUCKET, Key=KEY, Body=body)
    return artifact.read(aws.s3, URI)


def test_the_digest_is_that_of_the_object_and_the_configuration_that_of_the_model(aws: Clients) -> None:
    """What is registered can be compared with what lies in S3, byte by byte."""
    body = packed({"arch": "base"})
    found = read(aws, body)
    assert found.sha256 == hashlib.sha256(body).hexdigest()
    assert found.config == {"arch": "base"}


@pytest.mark.parametrize("name", ["config.json", "./config.json"])
def test_the_configuration_is_found_among_other_files(aws: Clients, name: str) -> None:
    """Tar names a member with or without `./`; a config.json of a folder inside isn't the model's."""
    files = {
        "code/config.json": b'{"arch": "other"}',
        "model.safetensors": b"\0" * 10,
        name: b'{"arch": "small"}',
    }
    assert read(aws, archive(files)).config == {"arch": "small"}


def test_an_artifact_without_a_configuration_has_an_empty_one(aws: Clients) -> None:
    """A model that another script trained can be registered, too."""
    assert read(aws, archive({"model.pth": b"x"})).config == {}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"pickle", "not a gzip file"),
        (gzip.compress(b"no archive" * 100), "invalid header"),
        (archive({"config.json": b"{"}), "Expecting property name"),
        (archive({"config.json": b"[1]"}), "config.json: expected an object, found list"),
        (
            archive({"config.json": json.dumps("x" * 1024 * 1024).encode()}),
            "config.json of 1048578 bytes, expected at most 1048576",
        ),
    ],
    ids=["no archive", "no tar", "no JSON", "no object", "too large"],
)
def test_an_unreadable_artifact_is_an_error_that_names_it(aws: Clients, body: bytes, why: str) -> None:
    """The error says which object it is, what was expected, and what was found."""
    with pytest.raises(ValueError, match=rf"{KEY}: expected a model artifact .*, found: .*({why})"):
        read(aws, body)


def test_the_largest_configuration_is_read(aws: Clients) -> None:
    """A mebibyte to the byte; one byte more is refused."""
    text = json.dumps({"x": "y" * (1024 * 1024 - 9)}).encode()
    assert len(text) == 1024 * 1024
    assert read(aws, archive({"config.json": text})).config.keys() == {"x"}
    with pytest.raises(ValueError, match=r"config.json of 1048577 bytes, expected at most 1048576"):
        read(aws, archive({"config.json": text + b" "}))


def test_a_cut_artifact_is_an_error(aws: Clients) -> None:
    """An upload that was broken off isn't registered with an empty configuration."""
    body = archive({"model.safetensors": bytes(range(256)) * 400, "config.json": b"{}"})
    with pytest.raises(ValueError, match="expected a model artifact"):
        read(aws, body[: len(body) // 2])


@pytest.mark.parametrize("metrics", [None, [], "0.99", {}])
def test_an_artifact_without_metrics_has_none(metrics: Any) -> None:
    """Of an earlier version, or of another program: its figures are SageMaker's alone."""
    assert artifact.Artifact("0" * 64, {"metrics": metrics}).metrics == {}
    assert artifact.Artifact("0" * 64, {}).metrics == {}


def test_what_an_artifact_measured_is_its_numbers() -> None:
    """What is no number that can be compared is left out."""
    metrics = {"test-accuracy": 0.99, "epochs": 9, "a": True, "b": "0.9", "c": float("nan"), "d": None}
    assert artifact.Artifact("0" * 64, {"metrics": metrics}).metrics == {"test-accuracy": 0.99, "epochs": 9}


@pytest.mark.parametrize("name", ["reference.json", "./reference.json"])
def test_the_reference_is_read_beside_the_configuration(aws: Clients, name: str) -> None:
    """In whichever order the archive has them; a reference inside another folder isn't the model's."""
    files = {
        "code/reference.json": b'{"images": 1}',
        name: b'{"images": 2}',
        "config.json": b'{"arch": "small"}',
    }
    found = read(aws, archive(files))
    assert (found.reference, found.config) == ({"images": 2}, {"arch": "small"})


def test_an_artifact_without_a_reference_has_an_empty_one(aws: Clients) -> None:
    """An earlier version's artifact, or one whose training held nothing out, is read all the same."""
    assert read(aws, packed({"arch": "base"})).reference == {}


@pytest.mark.parametrize("body", [b"[]", b"{", b" " * (1024 * 1024 + 1)])
def test_a_reference_that_is_no_object_or_too_large_is_refused(aws: Clients, body: bytes) -> None:
    """Nothing of unknown size or form is taken along."""
    with pytest.raises(ValueError, match="expected a model artifact"):
        read(aws, archive({"reference.json": body}))
