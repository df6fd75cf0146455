"""One archive is a batch: from the upload to the report, over the local cloud."""

import io
import json
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from localcloud.assembly import local_cloud
from tests.stack import Stack, deploy_template, png
from training.datasets import Splits

pytestmark = pytest.mark.deploys
IMAGES = 20


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest, parts: Splits) -> Iterator[Stack]:
    """The stack with one approved model, trained on a few real digits."""
    with local_cloud() as cloud:
        parameters = {"MinimumAccuracy": "0.5", "MaxImages": "50"}
        deployed = deploy_template(request, cloud, **parameters)
        deployed.train_on_few(parts)
        yield deployed


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return packed.getvalue()


def tarred(files: Mapping[str, bytes], mode: str = "w") -> bytes:
    """A tar, or with `w:gz` a compressed one."""
    packed = io.BytesIO()
    with tarfile.open(mode=mode, fileobj=packed) as archive:  # type: ignore[call-overload]
        for name, body in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
    return packed.getvalue()


def with_manifest(parts: Splits) -> dict[str, bytes]:
    """Images in one folder with their manifest."""
    lines = [
        {"file_name": f"{number}.png", "label": int(parts.batch.labels[number])} for number in range(IMAGES)
    ]
    images = {f"batch/{number}.png": png(parts.batch, number) for number in range(IMAGES)}
    return {"batch/manifest.jsonl": "\n".join(map(json.dumps, lines)).encode()} | images


def class_folders(parts: Splits) -> dict[str, bytes]:
    """Images in folders of their labels."""
    return {
        f"train/{parts.batch.labels[number]}/{number}.png": png(parts.batch, number)
        for number in range(IMAGES)
    }


def webdataset(parts: Splits) -> dict[str, bytes]:
    """Images with their labels next to them."""
    return {
        f"{number:06}.{ending}": body
        for number in range(IMAGES)
        for ending, body in (("png", png(parts.batch, number)), ("cls", b"%d" % parts.batch.labels[number]))
    }


@pytest.mark.parametrize(
    ("key", "made"),
    [
        ("site-a/batch.zip", lambda parts: zipped(with_manifest(parts))),
        ("FOLDERS.TAR", lambda parts: tarred(class_folders(parts))),
        ("shard-000.tar.gz", lambda parts: tarred(webdataset(parts), "w:gz")),
        ("shard-001.tgz", lambda parts: tarred(with_manifest(parts), "w:gz")),
    ],
)
def test_an_archive_becomes_a_report(stack: Stack, parts: Splits, key: str, made: Any) -> None:
    """Its images are scored with their labels, read in place, and called by the archive and their names."""
    stack.put(f"incoming/{key}", made(parts))
    (report,) = stack.reports(key)
    assert (report["status"], report["reason"], report["labelled"]) == ("Completed", None, IMAGES)
    assert report["coverage"] == {"expected": IMAGES, "scored": IMAGES, "unreadable": 0, "missing": 0}
    assert report["accuracy"]["value"] > 0.5
    assert report["cost"]["requests"] == 1
    rows = stack.predictions(report)
    assert all(row["image"].startswith(f"s3://{stack.bucket}/incoming/{key}#") for row in rows)
    numbers = [int(row["image"].rpartition("#")[2].rpartition("/")[2].partition(".")[0]) for row in rows]
    assert [int(row["label"]) for row in rows] == [int(parts.batch.labels[number]) for number in numbers]
    written = stack.objects(f"reports/{key}/{report['run']}/")
    page = next(body for name, body in written.items() if name.endswith("report.html")).decode()
    shown = 0 if key.lower().endswith("gz") else len(report["mistakes"])
    assert page.count("data:image/png;base64,") == shown


def test_what_an_archive_cannot_give_is_said_in_its_report(stack: Stack, parts: Splits) -> None:
    """Members that are missing, hostile, or no images cost a line each."""
    lines = [{"file_name": name, "label": 1} for name in ("1.png", "absent.png", "../2.png", "text.png")]
    files = {"manifest.jsonl": "\n".join(map(json.dumps, lines)).encode(), "1.png": png(parts.batch, 1)}
    stack.put("incoming/poor.zip", zipped(files | {"text.png": b"text", "inner.zip": b"PK"}))
    (report,) = stack.reports("poor.zip")
    assert report["status"] == "Completed"
    assert report["coverage"] == {"expected": 5, "scored": 1, "unreadable": 3, "missing": 1}
    assert {row["error"] for row in stack.predictions(report)} >= {"", "missing"}


@pytest.mark.parametrize(
    ("name", "body", "reason"),
    [
        ("empty.zip", zipped({}), "found an empty one"),
        ("cut.zip", zipped({"1.png": b"1"})[:-10], "truncated"),
        ("cut.tar", tarred({"1.png": b"1"})[:700], "end mark"),
        ("other.tgz", b"Rar!\x1a\x07\x01\x00", "found a RAR archive"),
    ],
)
def test_an_archive_that_cannot_be_read_is_refused(stack: Stack, name: str, body: bytes, reason: str) -> None:
    """A report says why, and no job runs."""
    stack.put(f"incoming/{name}", body)
    (report,) = stack.reports(name)
    assert (report["status"], report["reason_code"]) == ("Refused", "ARCHIVE_UNREADABLE")
    assert reason in report["reason"]
    assert report["transform_job"] is None
