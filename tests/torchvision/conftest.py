"""torchvision's data sets, made of a few digits, on a server of this machine."""

import gzip
import hashlib
import io
import os
import struct
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from torchvision import datasets

from tests.made_digits import made_set
from training.datasets import DataSet, Digits, idx, pair
from training.fetch import PUBLISHED, Published, upright

MADE = made_set("served")
WHOLE = os.environ.get("MNIST_DIR")


class Quiet(SimpleHTTPRequestHandler):
    """A file server that doesn't write a line a request."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, DataSet]]:
    """Let torchvision load from here; returns what each data set should be read as.

    MNIST is the whole of it where MNIST_DIR names its folder. The digests that torchvision compares become
    those of the served files, as its own can't be had for made files.
    """
    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        for proxy in ("no_proxy", "NO_PROXY"):
            monkeypatch.setenv(proxy, "127.0.0.1")
        expected = dict.fromkeys(PUBLISHED, MADE)
        if WHOLE:
            expected["mnist"] = DataSet("mnist", "", *(pair(Path(WHOLE), part) for part in ("train", "t10k")))
        for name, digits in expected.items():
            files = _files(name, digits)
            for file, content in files.items():
                (folder / file).write_bytes(content)
            _point(monkeypatch, name, address, files)
            published = PUBLISHED[name]
            counts = Published(published.kind, len(digits.training), len(digits.test), published.options)
            monkeypatch.setitem(PUBLISHED, name, counts)
        yield expected
        server.shutdown()


def _files(name: str, dataset: DataSet) -> dict[str, bytes]:
    """The files that a data set is published as, by their names."""
    if name == "emnist-digits":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for part, digits in (("train", dataset.training), ("test", dataset.test)):
                by_columns = Digits(upright(digits.images), digits.labels)
                for file, content in _pair(by_columns, f"emnist-digits-{part}").items():
                    archive.writestr(f"gzip/{file}", content)
        return {"gzip.zip": packed.getvalue()}
    if name == "qmnist":
        return {
            **_rich_pair(dataset.training, "qmnist-train"),
            **_rich_pair(dataset.test, "qmnist-test"),
        }
    files = {**_pair(dataset.training, "train"), **_pair(dataset.test, "t10k")}
    return {f"{name}-{file}": content for file, content in files.items()}


def _pair(digits: Digits, part: str) -> dict[str, bytes]:
    return {
        f"{part}-images-idx3-ubyte.gz": idx(digits.images),
        f"{part}-labels-idx1-ubyte.gz": idx(digits.labels),
    }


def _rich_pair(digits: Digits, part: str) -> dict[str, bytes]:
    """QMNIST's labels: eight big-endian integers an image, of which the first is the digit."""
    rows = [struct.pack(">8i", label, 4, 2387, *(7,) * 5) for label in digits.labels.tolist()]
    header = struct.pack(">3I", 0x00000C02, len(rows), 8)
    return {
        f"{part}-images-idx3-ubyte.gz": idx(digits.images),
        f"{part}-labels-idx2-int.gz": gzip.compress(header + b"".join(rows)),
    }


def _point(patch: pytest.MonkeyPatch, name: str, address: str, files: dict[str, bytes]) -> None:
    """Let a class of torchvision's load these files, with their digests."""
    kind = getattr(datasets, PUBLISHED[name].kind)
    digests = {file: hashlib.md5(content).hexdigest() for file, content in files.items()}  # noqa: S324 (its own)
    if name == "emnist-digits":
        patch.setattr(kind, "url", f"{address}gzip.zip")
        patch.setattr(kind, "md5", digests["gzip.zip"])
    elif name == "qmnist":
        named = [(f"{address}{file}", digest) for file, digest in digests.items()]
        patch.setattr(kind, "resources", {"train": named[:2], "test": named[2:]})
    else:
        patch.setattr(kind, "mirrors", [f"{address}{name}-"])
        plain = [(file.removeprefix(f"{name}-"), digest) for file, digest in digests.items()]
        patch.setattr(kind, "resources", plain)
