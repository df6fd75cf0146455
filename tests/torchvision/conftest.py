"""torchvision's data sets, made of a few digits, on a server of this machine."""

import hashlib
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from torchvision import datasets

from tests.made_digits import made_set
from tests.published_files import files_of
from training.datasets import DataSet, pair
from training.fetch import PUBLISHED

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
            files = files_of(name, digits)
            for file, content in files.items():
                (folder / file).write_bytes(content)
            _point(monkeypatch, name, address, files)
            published = PUBLISHED[name]
            counts = replace(published, training=len(digits.training), test=len(digits.test))
            monkeypatch.setitem(PUBLISHED, name, counts)
        yield expected
        server.shutdown()


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
