"""A data set in the bucket."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.made_digits import made, made_set
from tests.settings_and_events import BUCKET, use_moto_account
from training.container.data import load
from training.datasets import unpacked_idx
from training.upload import UploadError, upload

FILES = {
    f"datasets/made/{channel}/digits-{file}-ubyte.gz"
    for channel in ("training", "test")
    for file in ("images-idx3", "labels-idx1")
}
DESCRIPTION = "datasets/made/dataset.json"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """S3 with an empty bucket."""
    use_moto_account(monkeypatch)
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield s3


def versions(s3: Any) -> list[str]:
    """The keys of all that was ever written, once a version."""
    return sorted(entry["Key"] for entry in s3.list_object_versions(Bucket=BUCKET).get("Versions", []))


def described(s3: Any) -> dict[str, Any]:
    """What dataset.json says."""
    found: dict[str, Any] = json.loads(s3.get_object(Bucket=BUCKET, Key=DESCRIPTION)["Body"].read())
    return found


def test_what_is_uploaded_is_what_a_training_job_reads(s3: Any, tmp_path: Path) -> None:
    """train.py's reader finds each channel's images and labels in its files, all of them sent."""
    dataset = made_set()
    uploaded = upload(s3, BUCKET, dataset)
    assert set(uploaded.sent) == FILES | {DESCRIPTION}
    for channel, digits in dataset.channels.items():
        prefix = f"datasets/made/{channel}/"
        assert uploaded.channels[channel] == f"s3://{BUCKET}/{prefix}"
        folder = tmp_path / channel
        folder.mkdir()
        for entry in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]:
            s3.download_file(BUCKET, entry["Key"], str(folder / Path(entry["Key"]).name))
        images, labels = load(folder)
        assert (images == digits.images).all()
        assert (labels == digits.labels).all()


def test_the_description_has_counts_and_digests(s3: Any) -> None:
    """A channel's digest is that of its unpacked files, images first; the data set's of its channels'."""
    dataset = made_set()
    uploaded = upload(s3, BUCKET, dataset)
    digests = {
        channel: hashlib.sha256(unpacked_idx(digits.images) + unpacked_idx(digits.labels)).hexdigest()
        for channel, digits in dataset.channels.items()
    }
    whole = hashlib.sha256(f"{digests['training']}\n{digests['test']}\n".encode()).hexdigest()
    assert described(s3) == {
        "name": "made",
        "source": "made",
        "sha256": whole,
        "channels": {
            "training": {"images": 20, "classes": [2] * 10, "sha256": digests["training"]},
            "test": {"images": 10, "classes": [1] * 10, "sha256": digests["test"]},
        },
    }
    assert uploaded.sha256 == whole


def test_what_is_there_is_not_sent_again(s3: Any) -> None:
    """The second upload writes no object, and returns the same channels and digest."""
    first = upload(s3, BUCKET, made_set())
    before = versions(s3)
    second = upload(s3, BUCKET, made_set())
    assert versions(s3) == before
    assert second == replace(first, sent=[])


def test_only_what_changed_is_sent(s3: Any) -> None:
    """Other test labels are one file and the description; the description is the last to be there."""
    upload(s3, BUCKET, made_set())
    dataset = made_set()
    changed = replace(dataset, test=replace(dataset.test, labels=dataset.test.labels[::-1].copy()))
    assert upload(s3, BUCKET, changed).sent == [
        "datasets/made/test/digits-labels-idx1-ubyte.gz",
        DESCRIPTION,
    ]
    again = upload(s3, BUCKET, replace(changed, source="elsewhere"))
    assert again.sent == [DESCRIPTION]
    assert described(s3)["source"] == "elsewhere"


def test_an_upload_that_breaks_off_leaves_no_description(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """While new files replace the old ones, nothing claims that the data set is whole; a repeat mends it."""
    upload(s3, BUCKET, made_set())

    def refuse(*_: Any, **__: Any) -> None:
        raise ClientError({"Error": {"Code": "SlowDown", "Message": "slow"}}, "PutObject")

    with monkeypatch.context() as patch:
        patch.setattr(s3, "upload_fileobj", refuse)
        with pytest.raises(ClientError, match="SlowDown"):
            upload(s3, BUCKET, made_set(seed=5))
    with pytest.raises(ClientError, match="NoSuchKey"):
        described(s3)
    upload(s3, BUCKET, made_set())
    assert described(s3)["name"] == "made"


def test_objects_of_others_in_a_channel_are_refused(s3: Any) -> None:
    """A training job would read them, too: the error names them, and nothing is uploaded."""
    s3.put_object(Bucket=BUCKET, Key="datasets/made/training/train-images-idx3-ubyte.gz", Body=b"")
    s3.put_object(Bucket=BUCKET, Key="datasets/made/test/", Body=b"")
    with pytest.raises(UploadError, match=r"datasets/made/: .* found training/train-images-idx3-ubyte\.gz\."):
        upload(s3, BUCKET, made_set())
    assert len(versions(s3)) == 2


def test_progress_reaches_each_files_end(s3: Any) -> None:
    """Each file is reported as being packed, then from zero to all of its bytes."""
    reported: dict[str, list[tuple[int, int | None]]] = {}
    upload(s3, BUCKET, made_set(), lambda key, sent, of: reported.setdefault(key, []).append((sent, of)))
    assert set(reported) == FILES
    for key, steps in reported.items():
        size = s3.head_object(Bucket=BUCKET, Key=key)["ContentLength"]
        assert steps[:2] == [(0, None), (0, size)]
        assert steps[-1] == (size, size)


@pytest.mark.parametrize("name", ["", "Mnist", "a/b", "../x", "-a", "x" * 64])
def test_a_name_that_would_lead_elsewhere_is_refused(s3: Any, name: str) -> None:
    """A data set's name is a plain word: it can't reach another prefix of the bucket."""
    with pytest.raises(ValueError, match="expected a name of 1 to 63 lower-case letters"):
        upload(s3, BUCKET, made_set(name))
    assert versions(s3) == []


def test_a_large_data_set_goes_in_parts_and_is_known_again(s3: Any) -> None:
    """A file above boto3's threshold is sent in several parts; its digest says that it is there."""
    dataset = replace(made_set(), training=made(30_000, seed=3))
    first = upload(s3, BUCKET, dataset)
    head = s3.head_object(Bucket=BUCKET, Key="datasets/made/training/digits-images-idx3-ubyte.gz")
    assert head["ETag"].strip('"').endswith("-2")
    assert np.sum(dataset.training.images) > 0
    assert upload(s3, BUCKET, dataset) == replace(first, sent=[])
