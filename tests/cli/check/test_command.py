"""`digits check`: what it recognises, finds and prints, and its exit status."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from tests.cli.folders import ALONE, CLASSES, WEBDATASET, WITH_MANIFEST, folder, png
from tests.cli.moto_account import deploy, empty_account
from tests.functions.archives.packed import one_of_a_kind
from tests.settings_and_events import BUCKET


def check(path: Path | str, *options: str, status: int = 0) -> Result:
    """Run the command in a usual terminal."""
    done = CliRunner().invoke(app, ["check", str(path), *options], env={"COLUMNS": "80"})
    assert done.exit_code == status, done.output
    return done


def as_json(path: Path | str, *options: str, status: int = 0) -> dict[str, Any]:
    """What it prints for programs."""
    printed: dict[str, Any] = json.loads(check(path, "--json", *options, status=status).stdout)
    return printed


@pytest.mark.parametrize(
    ("files", "read_as", "labelled"),
    [
        (CLASSES, "labels from class folders", 6),
        (WEBDATASET, "labels from WebDataset's .cls", 3),
        (ALONE, "without labels", 0),
    ],
)
@pytest.mark.parametrize("kind", ["folder", "zip", "tar", "tar.gz"])
def test_a_folder_and_its_archives_are_recognised_alike(
    tmp_path: Path, files: dict[str, bytes], read_as: str, labelled: int, kind: str
) -> None:
    """Class folders, WebDataset's pairs and images alone: the same count of images and labels in each."""
    path = tmp_path / f"batch.{kind}"
    if kind == "folder":
        folder(path, files)
    else:
        path.write_bytes(one_of_a_kind(kind, files))
    found = as_json(path)
    assert read_as in found["read_as"]
    images = sum(name.endswith(".png") for name in files)
    assert (found["images"], found["readable"], found["labelled"]) == (images, images, labelled)
    assert found["sizes"] == [{"width": 28, "height": 28, "images": images}]
    assert (found["verdict"], found["problems"], found["refused"]) == ("fine", [], None)


def test_problems_name_their_lines_and_cost_the_status(tmp_path: Path) -> None:
    """A label that isn't understood, an image that isn't there: each once, by its line or name; status 1."""
    found = as_json(folder(tmp_path / "b", WITH_MANIFEST), status=1)
    assert found["read_as"].startswith("read as a folder; labels.csv in it read as CSV with semicolons")
    assert found["labels"] == {"1": 1, "3": 1, "7": 1}
    assert [(each["kind"], each["line"]) for each in found["problems"]] == [("label", 4), ("image", None)]
    assert "eleven" in found["problems"][0]["reason"]
    assert found["problems"][1]["text"] == "absent.png"
    assert "isn't there" in found["problems"][1]["reason"]
    assert found["fields"] == ["writer"]


def test_sizes_duplicates_and_damage_are_found(tmp_path: Path) -> None:
    """Another size, other bytes, the same pixels under two labels: as the container says it."""
    files = CLASSES | {
        "3/large.png": png(1, side=32),
        "3/text.png": b"seven",
        "3/same.png": CLASSES["7/0.png"],
        "7/again.png": CLASSES["7/1.png"],
    }
    path = folder(tmp_path / "b", files)
    found = as_json(path, status=1)
    assert found["sizes"][1] == {"width": 32, "height": 32, "images": 1}
    assert {each["text"]: each["reason"] for each in found["problems"]} == {
        "3/large.png": "expected 28 × 28 pixels, found 32 × 32: scale it first",
        "3/text.png": "not an image: expected PNG or JPEG",
    }
    assert found["duplicates"] == [
        {"images": ["3/same.png", "7/0.png"], "labels": [3, 7]},
        {"images": ["7/1.png", "7/again.png"], "labels": [7]},
    ]
    printed = check(path, status=1).stdout
    assert "32 × 32: 1 – these will be error records: scale" in printed
    assert "more than once: 2, with" in printed
    assert "3/same.png, 7/0.png (3 and 7)" in printed
    assert max(map(len, printed.splitlines())) <= 80


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "expected images in the folder, found an empty one"),
        ({"manifest.csv": b"nothing\nx"}, "expected a header with the column file_name"),
        ({"labels.csv": b"path\n", "metadata.csv": b"path\n"}, "expected one manifest in the folder"),
        ({"manifest.csv": b"path,label\n/etc/passwd,1\n"}, "has no line that can be used"),
    ],
)
def test_what_would_be_refused_as_a_whole_has_status_2(
    tmp_path: Path, files: dict[str, bytes], reason: str
) -> None:
    """With the run's own reason, and no estimate."""
    (tmp_path / "b").mkdir()
    found = as_json(folder(tmp_path / "b", files), status=2)
    assert reason in found["refused"]
    assert (found["verdict"], found["expected"]) == ("refused", None)


def test_a_path_without_anything_and_a_file_that_is_no_archive_are_refused(tmp_path: Path) -> None:
    """A misspelt path, and text that is called .zip."""
    assert "found nothing" in as_json(tmp_path / "nope", status=2)["refused"]
    (tmp_path / "x.zip").write_bytes(b"seven")
    assert (
        "expected a .zip, .tar or .tar.gz by its content" in as_json(tmp_path / "x.zip", status=2)["refused"]
    )


def test_a_manifest_of_another_name_may_be_chosen(tmp_path: Path) -> None:
    """Its folder is the batch, and a second manifest there isn't in its way."""
    files = ALONE | {"mine.csv": b"image,digit\n0.png,7\n", "manifest.csv": b"image\n1.png\n2.png\n"}
    found = as_json(folder(tmp_path / "b", files) / "mine.csv")
    assert (found["images"], found["labels"]) == (1, {"7": 1})


def test_the_list_of_problems_is_bounded_but_not_in_json(tmp_path: Path) -> None:
    """Ten of them are printed, and how many more there are."""
    path = folder(tmp_path / "b", {f"{number}.png": b"x" for number in range(14)})
    assert len(as_json(path, status=1)["problems"]) == 14
    printed = check(path, status=1).stdout
    assert printed.count("expected PNG or JPEG") == 10
    assert "and 4 more: --json has all" in printed


def test_an_image_whose_name_is_no_text_is_a_problem_of_its_own(tmp_path: Path) -> None:
    """Linux allows any bytes as a name; the rest of the folder is read."""
    path = folder(tmp_path / "b", ALONE)
    (path / os.fsdecode(b"\xff.png")).write_bytes(ALONE["0.png"])
    (path / "gone.png").symlink_to("nowhere.png")
    found = as_json(path, status=1)
    assert found["images"] == 3
    assert sorted(each["text"] for each in found["problems"]) == ["gone.png", "\ufffd.png"]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """S3 of an account with the stack, versions kept."""
    with empty_account(monkeypatch):
        deploy(MaxImages="5", TransformInstanceType="ml.m5.xlarge")
        s3 = boto3.client("s3")
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield s3


def test_the_stack_s_limit_and_prices_count(tmp_path: Path, account: Any) -> None:
    """With --stack, a batch above MaxImages is refused, and the estimate is of its instances."""
    found = as_json(folder(tmp_path / "a", CLASSES), "--stack", "digits", status=2)
    assert "expected at most 5 images (the stack's parameter MaxImages), found 6" in found["refused"]
    found = as_json(folder(tmp_path / "b", ALONE), "--stack", "digits")
    assert found["expected"] == {
        "instance_type": "ml.m5.xlarge",
        "instances": 1,
        "seconds": 120,
        "requests": 1,
        "cost": round(120.006 / 3600 * 0.23, 4),
        "saved": 0.0,
        "currency": "USD",
    }


def test_what_lies_in_a_bucket_is_only_read(account: Any) -> None:
    """An archive, a manifest and a folder: nothing is written; references from the root count."""
    lines = b'{"file_name": "incoming/b/0.png", "label": 7}\n{"file_name": "1.png", "label": 3}\n'
    objects = {f"incoming/b/{name}": body for name, body in ALONE.items()}
    objects |= {"incoming/b.zip": one_of_a_kind("zip", CLASSES), "incoming/b/manifest.jsonl": lines}
    for key, body in objects.items():
        account.put_object(Bucket=BUCKET, Key=key, Body=body)
    assert as_json(f"s3://{BUCKET}/incoming/b.zip")["images"] == 6
    for path in ("incoming/b/manifest.jsonl", "incoming/b/"):
        found = as_json(f"s3://{BUCKET}/{path}")
        assert (found["images"], found["labels"], found["readable"]) == (2, {"3": 1, "7": 1}, 2)
        assert found["expected"]["requests"] == 2
    for path in (f"{BUCKET}/incoming/absent.zip", f"{BUCKET}/incoming/b/0.png", "no-such-bucket/b/"):
        assert "found" in as_json(f"s3://{path}", status=2)["refused"]
    kept = account.list_object_versions(Bucket=BUCKET)["Versions"]
    assert len(kept) == len(objects)
