"""A data set in the bucket: the files of its channels, and dataset.json, which describes them."""

import hashlib
import io
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batch_prediction import layout
from training.checks import classes
from training.datasets import DataSet, idx, unpacked_idx

IMAGES, LABELS = "digits-images-idx3-ubyte.gz", "digits-labels-idx1-ubyte.gz"
_DIGEST = "sha256"  # its name in an object's metadata

# The key being uploaded, its bytes sent so far and in total: None while it is being compressed.
Progress = Callable[[str, int, int | None], None]


class UploadError(ValueError):
    """A data set can't be uploaded; the message says why, and what to do next."""


@dataclass(frozen=True)
class Uploaded:
    """A data set in the bucket: its channels' `s3://` prefixes, its digest, and the keys uploaded now."""

    channels: dict[str, str]
    sha256: str
    sent: list[str]


def upload(
    s3: Any, bucket: str, dataset: DataSet, progress: Progress = lambda _key, _sent, _of: None
) -> Uploaded:
    """Put a data set below datasets/<name>/, dataset.json last; existing files aren't uploaded again.

    Files are compared by the SHA-256 of their uncompressed content, which their objects keep as metadata: two
    versions of zlib compress the same images to different bytes, so S3's own checksum would differ; and for
    multipart uploads S3 keeps no SHA-256 of the whole object
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html).

    Raises UploadError if the channels hold other objects: a training job would read those, too.
    """
    description, files = _describe(dataset)
    prefix, where = layout.dataset(dataset.name), layout.dataset_description(dataset.name)
    channels = {channel: layout.dataset_channel(dataset.name, channel) for channel in dataset.channels}
    existing = _listed(s3, bucket, prefix)
    if others := sorted(
        key.removeprefix(prefix)
        for key in existing - {file.key for file in files}
        if key.startswith(tuple(channels.values()))
    ):
        raise UploadError(
            f"s3://{bucket}/{prefix}: expected nothing but {IMAGES} and {LABELS} in its channels, found "
            f"{', '.join(others[:5])}. Remove them, or upload under another name (--name)"
        )
    stale = [
        file
        for file in files
        if file.key not in existing or _kept_digest(s3, bucket, file.key) != file.sha256
    ]
    if stale and where in existing:  # nothing may describe the new files before they are there
        s3.delete_object(Bucket=bucket, Key=where)
        existing.remove(where)
    for file in stale:
        _send(s3, bucket, file, progress)
    sent = [file.key for file in stale]
    body = json.dumps(description, indent=2).encode() + b"\n"
    if where not in existing or s3.get_object(Bucket=bucket, Key=where)["Body"].read() != body:
        s3.put_object(Bucket=bucket, Key=where, Body=body, ContentType="application/json")
        sent.append(where)
    uris = {channel: f"s3://{bucket}/{key}" for channel, key in channels.items()}
    return Uploaded(uris, description["sha256"], sent)


@dataclass(frozen=True)
class _File:
    """An array that becomes an IDX file at a key; `sha256` is that of the uncompressed file."""

    key: str
    array: NDArray[np.uint8]
    sha256: str


def _describe(dataset: DataSet) -> tuple[dict[str, Any], list[_File]]:
    """Return the content of dataset.json, and the files.

    A channel's digest is that of its two files, uncompressed, images first; the data set's is that of its
    channels' digests, one per line, training first. Neither depends on the data set's name.
    """
    channels, files = {}, []
    for channel, digits in dataset.channels.items():
        both, prefix = hashlib.sha256(), layout.dataset_channel(dataset.name, channel)
        for name, array in ((IMAGES, digits.images), (LABELS, digits.labels)):
            content = unpacked_idx(array)
            both.update(content)
            files.append(_File(f"{prefix}{name}", array, hashlib.sha256(content).hexdigest()))
        channels[channel] = {
            "images": len(digits),
            "classes": classes(digits),
            "sha256": both.hexdigest(),
        }
    lines = "".join(f"{channel['sha256']}\n" for channel in channels.values())
    description = {
        "name": dataset.name,
        "source": dataset.source,
        "sha256": hashlib.sha256(lines.encode()).hexdigest(),
        "channels": channels,
    }
    return description, files


def _listed(s3: Any, bucket: str, prefix: str) -> set[str]:
    """List the objects below a prefix, except the empty ones that represent folders in AWS's console."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys: set[str] = set()
    for page in pages:
        keys.update(entry["Key"] for entry in page.get("Contents", []) if not entry["Key"].endswith("/"))
    return keys


def _kept_digest(s3: Any, bucket: str, key: str) -> str | None:
    digest: str | None = s3.head_object(Bucket=bucket, Key=key)["Metadata"].get(_DIGEST)
    return digest


def _send(s3: Any, bucket: str, file: _File, progress: Progress) -> None:
    progress(file.key, 0, None)
    body = idx(file.array)
    progress(file.key, 0, len(body))
    sent, lock = 0, threading.Lock()

    def count(more: int) -> None:  # called in boto3's threads
        nonlocal sent
        with lock:
            sent += more
            progress(file.key, sent, len(body))

    s3.upload_fileobj(
        io.BytesIO(body),
        bucket,
        file.key,
        ExtraArgs={"ContentType": "application/gzip", "Metadata": {_DIGEST: file.sha256}},
        Callback=count,
    )
