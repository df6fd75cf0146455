"""`digits drop`: what it uploads, in which order, and what the same command does again."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli import stack
from cli.drop import loose
from cli.main import app
from tests.cli.folders import ALONE, CLASSES, WEBDATASET, WITH_MANIFEST, folder
from tests.cli.moto_account import versioned_bucket
from tests.functions.archives.packed import one_of_a_kind
from tests.settings_and_events import BUCKET


@pytest.fixture(autouse=True)
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """S3 of an account with the stack, versions kept."""
    with versioned_bucket(monkeypatch) as client:
        yield client


def drop(*arguments: Path | str, status: int = 0) -> Result:
    """Run the command in a wide terminal."""
    done = CliRunner().invoke(app, ["drop", *map(str, arguments)], env={"COLUMNS": "200"})
    assert done.exit_code == status, done.output
    return done


def keys(s3: Any) -> list[str]:
    """The keys of all versions, oldest first."""
    versions = s3.list_object_versions(Bucket=BUCKET).get("Versions", [])
    return [version["Key"] for version in sorted(versions, key=lambda version: version["LastModified"])]


def members(s3: Any, key: str) -> dict[str, bytes]:
    """What is in a zip in the bucket."""
    with zipfile.ZipFile(io.BytesIO(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize(
    ("files", "kept"),
    [
        (CLASSES, CLASSES),
        (WEBDATASET, WEBDATASET),
        (WITH_MANIFEST, WITH_MANIFEST),
        (ALONE | {"readme.txt": b"x", ".DS_Store": b"x"}, ALONE),
    ],
)
def test_a_folder_becomes_one_archive(
    s3: Any, tmp_path: Path, files: dict[str, bytes], kept: dict[str, bytes]
) -> None:
    """Images with what their labels come from, byte by byte; nothing else, and nothing twice."""
    path = folder(tmp_path / "my digits", files)
    printed = drop(path).stdout
    assert f"s3://{BUCKET}/incoming/my digits.zip" in printed
    assert "digits reports show my digits.zip" in printed
    assert members(s3, "incoming/my digits.zip") == kept
    assert "nothing was uploaded" in drop(path).stdout
    assert keys(s3) == ["incoming/my digits.zip"]
    drop(path, "--again")
    assert keys(s3) == ["incoming/my digits.zip"] * 2


def test_other_content_under_the_same_name_is_a_run_of_its_own(s3: Any, tmp_path: Path) -> None:
    """It is told, and the version before stays."""
    path = folder(tmp_path / "b", ALONE)
    drop(path)
    folder(path, {"3.png": CLASSES["3/0.png"]})
    assert "a new version, whose run is its own" in drop(path).stdout
    assert keys(s3) == ["incoming/b.zip"] * 2


def test_an_archive_is_uploaded_as_it_is(s3: Any, tmp_path: Path) -> None:
    """Its ending stays, in lower case; --name names the batch, with the ending or without."""
    path = tmp_path / "b.Tar.GZ"
    path.write_bytes(one_of_a_kind("tar.gz", CLASSES))
    drop(path)
    drop(path, "--name", "site-a/c")
    drop(path, "--name", "d.tar.gz")
    found = {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys(s3)}
    batches = ("b", "site-a/c", "d")
    assert found == {f"incoming/{batch}.tar.gz": path.read_bytes() for batch in batches}
    assert "found an archive: leave --loose out" in drop(path, "--loose", status=1).output


def test_loose_images_come_first_and_the_manifest_last(s3: Any, tmp_path: Path) -> None:
    """Class folders get a manifest with their labels; what is there already isn't uploaded again."""
    path = folder(tmp_path / "b", CLASSES)
    s3.put_object(Bucket=BUCKET, Key="incoming/b/3/0.png", Body=CLASSES["3/0.png"])
    s3.put_object(Bucket=BUCKET, Key="incoming/b/3/1.png", Body=b"cut off")
    drop(path, "--loose")
    found = keys(s3)
    assert found[-1] == "incoming/b/manifest.jsonl"
    assert sorted(found[:-1]) == sorted([*(f"incoming/b/{name}" for name in CLASSES), "incoming/b/3/1.png"])
    lines = s3.get_object(Bucket=BUCKET, Key=found[-1])["Body"].read().splitlines()
    assert list(map(json.loads, lines)) == [{"file_name": name, "label": int(name[0])} for name in CLASSES]
    assert "nothing was uploaded" in drop(path, "--loose").stdout
    assert keys(s3) == found
    drop(path, "--loose", "--again")
    assert keys(s3) == [*found, found[-1]]


def test_a_folder_s_own_manifest_is_uploaded_as_it_is(s3: Any, tmp_path: Path) -> None:
    """Its other fields and its wrong lines stay what they are."""
    drop(folder(tmp_path / "b", WITH_MANIFEST), "--loose")
    body = s3.get_object(Bucket=BUCKET, Key="incoming/b/labels.csv")["Body"].read()
    assert body == WITH_MANIFEST["labels.csv"]


def test_an_interrupted_drop_says_what_is_there_and_goes_on(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C among loose images: no manifest is there; the same command uploads the rest alone."""
    path = folder(tmp_path / "b", CLASSES)
    monkeypatch.setattr(loose, "_AT_ONCE", 4)
    client, put = stack.client("s3"), stack.client("s3").put_object

    def interrupted(**request: Any) -> Any:
        if request["Key"].endswith("7/2.png"):
            raise KeyboardInterrupt
        return put(**request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "put_object", interrupted)
        printed = drop(path, "--loose", status=130).stdout
    assert "Interrupted while uploading, after 5 of 6 files" in printed
    assert "no run has started; what is there stays. The same command goes on" in printed
    assert len(keys(s3)) == 5
    assert "uploaded images: 1, and the manifest" in drop(path, "--loose").stdout
    assert len(keys(s3)) == 7


def test_what_check_refuses_is_not_uploaded(s3: Any, tmp_path: Path) -> None:
    """Nor is anything from S3, or both or neither of the two sources; a name has to be a key's."""
    (tmp_path / "empty").mkdir()
    assert "expected images in the folder" in drop(tmp_path / "empty", status=2).stdout
    assert "copy it below incoming/" in drop("s3://b/x.zip", status=1).output
    assert "found both or neither" in drop(status=1).output
    path = folder(tmp_path / "b", ALONE)
    assert "Choose a name with --name" in drop(path, "--name", "../x", status=1).output
    assert keys(s3) == []


def test_mnist_becomes_a_batch(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many test images with their labels; more than there are is an error that says how many there are."""
    monkeypatch.delenv("MNIST_DIR", raising=False)
    drop("--from-mnist", "3")
    found = members(s3, "incoming/mnist-3.zip")
    assert sorted(found) == ["00000.png", "00001.png", "00002.png", "manifest.jsonl"]
    assert "expected at most 1,000 images" in drop("--from-mnist", "2000", status=1).output
