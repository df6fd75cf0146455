"""Published data sets without torchvision, from a server of this machine."""

import gzip
import hashlib
import struct
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.file_server import FileServer, serving
from tests.made_digits import made_set
from tests.published_files import files_of
from training.container.data import DataError
from training.datasets import Digits
from training.fetch import PUBLISHED, fetch

MADE = made_set("served")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """Every published data set, small, in an environment without torchvision."""
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with serving() as server:
        for name in PUBLISHED:
            publish(monkeypatch, server, name, files_of(name, MADE))
        yield server


def publish(patch: pytest.MonkeyPatch, server: FileServer, name: str, files: dict[str, bytes]) -> None:
    """Serve a data set's files below its name, with their digests."""
    named = {file.removeprefix(f"{name}-") if name != "qmnist" else file: files[file] for file in files}
    server.files |= {f"/{name}/{file}": content for file, content in named.items()}
    digests = {file: hashlib.md5(content).hexdigest() for file, content in named.items()}  # noqa: S324 (theirs)
    small = replace(PUBLISHED[name], training=len(MADE.training), test=len(MADE.test))
    patch.setitem(PUBLISHED, name, replace(small, files=digests, mirrors=(f"{server.address}/{name}/",)))


def same(one: Digits, other: Digits) -> bool:
    """Whether two sets hold the same images with the same labels in the same order."""
    return bool((one.images == other.images).all() and (one.labels == other.labels).all())


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_data_set_is_fetched_without_torchvision(tmp_path: Path, server: FileServer, name: str) -> None:
    """In every published form images are upright and labels are digits; each file's progress is its bytes."""
    shown: dict[str, tuple[int, int | None]] = {}
    found = fetch(name, tmp_path, lambda file, done, of: shown.update({file: (done, of)}))
    assert same(found.training, MADE.training)
    assert same(found.test, MADE.test)
    assert found.source == f"torchvision.datasets.{PUBLISHED[name].kind}"
    whole = {
        file.rpartition("/")[2]: len(content) for file, content in server.files.items() if f"/{name}/" in file
    }
    assert shown == {file: (size, size) for file, size in whole.items()}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_names_of_the_files_are_the_published_ones(name: str) -> None:
    """As the test's small files have them, with a digest each."""
    names = {file if name == "qmnist" else file.removeprefix(f"{name}-") for file in files_of(name, MADE)}
    assert PUBLISHED[name].files.keys() == names
    assert len({*PUBLISHED[name].files.values()}) == len(names)
    assert all(len(md5) == 32 for md5 in PUBLISHED[name].files.values())


def test_a_second_time_nothing_is_downloaded(tmp_path: Path, server: FileServer) -> None:
    """Files that are there are compared with their digests: one that was changed is fetched again."""
    fetch("kmnist", tmp_path)
    before = len(server.asked)
    assert same(fetch("kmnist", tmp_path).test, MADE.test)
    assert len(server.asked) == before == 4
    (tmp_path / "KMNIST" / "raw" / "t10k-labels-idx1-ubyte.gz").write_bytes(b"changed")
    assert same(fetch("kmnist", tmp_path).test, MADE.test)
    assert server.asked[before:] == [("/kmnist/t10k-labels-idx1-ubyte.gz", None)]


def test_another_number_of_images_is_refused(
    tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The published numbers are known; the error says what to do."""
    monkeypatch.setitem(PUBLISHED, "mnist", replace(PUBLISHED["mnist"], test=11))
    with pytest.raises(
        DataError, match=r"mnist: expected 11 images in the test split, found 10: delete .*MNIST"
    ):
        fetch("mnist", tmp_path)


@pytest.mark.parametrize(
    "labels",
    [
        struct.pack(">3I", 0x00000C02, 10, 8) + bytes(10 * 8 * 4 - 1),
        struct.pack(">3I", 0x00000801, 10, 8) + bytes(10 * 8 * 4),
    ],
    ids=["cut", "another form"],
)
def test_labels_of_another_form_are_refused(
    tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch, labels: bytes
) -> None:
    """QMNIST's labels aren't those of the other sets: a file of another form is named."""
    files = files_of("qmnist", MADE) | {"qmnist-test-labels-idx2-int.gz": gzip.compress(labels)}
    publish(monkeypatch, server, "qmnist", files)
    with pytest.raises(DataError, match=r"labels-idx2-int\.gz: expected QMNIST's labels, found \d+ bytes"):
        fetch("qmnist", tmp_path)
