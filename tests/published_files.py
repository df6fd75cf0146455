"""Small data sets in the files that the published ones consist of."""

import gzip
import io
import struct
import zipfile

from training.datasets import DataSet, Digits, idx
from training.fetch import upright


def files_of(name: str, dataset: DataSet) -> dict[str, bytes]:
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
