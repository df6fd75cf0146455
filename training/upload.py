"""A data set in the bucket: the files of its channels, and dataset.json, which says what they hold."""

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
_DIGEST = "sha256"  # the name in an object's metadata

# The key that is sent, bytes of it that are there, and its bytes in all: None while it is being packed.
Progress = Callable[[str, int, int | None], None]


class UploadError(ValueError):
    """A data set can't be put where it should; the message says why, and what to do next."""


@dataclass(frozen=True)
class Uploaded:
    """A data set that is in the bucket: its channels' `s3://` prefixes, its digest, and the keys sent now."""

    channels: dict[str, str]
    sha256: str
    sent: list[str]


def upload(
    s3: Any, bucket: str, dataset: DataSet, progress: Progress = lambda _key, _sent, _of: None
) -> Uploaded:
    """Put a data set below datasets/<name>/, and dataset.json last; what is there already isn't sent again.

    Files are compared by the SHA-256 of what is in them, unpacked, which their objects keep as metadata: two
    zlibs pack the same images to different bytes, so S3's own checksum would tell them apart; and of objects
    sent in several parts S3 keeps no SHA-256 of the whole
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html).

    Raises UploadError where the channels hold other objects: a training job would read those, too.
    """
    prefix = layout.dataset(dataset.name)
    description, channels = _describe(dataset)
    arrays = {f"{prefix}{file}": array for file, (array, _) in channels.items()}
    digests = {f"{prefix}{file}": digest for file, (_, digest) in channels.items()}
    there = _listed(s3, bucket, prefix)
    read_in_training = {
        key for key in there if key.startswith(tuple(f"{prefix}{name}/" for name in dataset.channels))
    }
    where = layout.dataset_description(dataset.name)
    if others := sorted(read_in_training - set(arrays)):
        raise UploadError(
            f"s3://{bucket}/{prefix}: expected nothing but {IMAGES} and {LABELS} in its channels, found "
            f"{', '.join(key.removeprefix(prefix) for key in others[:5])}. Remove them, or upload under "
            "another name (--name)"
        )
    stale = [key for key in arrays if key not in there or _kept_digest(s3, bucket, key) != digests[key]]
    if stale and where in there:  # until the new files are there, nothing may claim that they are
        s3.delete_object(Bucket=bucket, Key=where)
        there.remove(where)
    for key in stale:
        _send(s3, bucket, key, arrays[key], digests[key], progress)
    body = json.dumps(description, indent=2).encode() + b"\n"
    if where not in there or s3.get_object(Bucket=bucket, Key=where)["Body"].read() != body:
        s3.put_object(Bucket=bucket, Key=where, Body=body, ContentType="application/json")
        stale.append(where)
    return Uploaded(
        channels={channel: f"s3://{bucket}/{prefix}{channel}/" for channel in dataset.channels},
        sha256=str(description["sha256"]),
        sent=stale,
    )


def _describe(
    dataset: DataSet,
) -> tuple[dict[str, Any], dict[str, tuple[NDArray[np.uint8], str]]]:
    """Return dataset.json, and each file's array and digest by its name below the prefix.

    A channel's digest is that of its two files, unpacked, images first; the data set's is that of its
    channels' digests, a line each, training first. Neither depends on the data set's name.
    """
    channels, files = {}, {}
    for channel, digits in dataset.channels.items():
        both = hashlib.sha256()
        for name, array in ((IMAGES, digits.images), (LABELS, digits.labels)):
            content = unpacked_idx(array)
            both.update(content)
            files[f"{channel}/{name}"] = array, hashlib.sha256(content).hexdigest()
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
    """List the objects below a prefix, but for the empty ones that stand for folders in AWS's console."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = (entry["Key"] for page in pages for entry in page.get("Contents", []))
    return {key for key in keys if not key.endswith("/")}


def _kept_digest(s3: Any, bucket: str, key: str) -> str | None:
    digest: str | None = s3.head_object(Bucket=bucket, Key=key)["Metadata"].get(_DIGEST)
    return digest


def _send(s3: Any, bucket: str, key: str, array: NDArray[np.uint8], digest: str, progress: Progress) -> None:
    progress(key, 0, None)
    body = idx(array)
    progress(key, 0, len(body))
    sent, lock = 0, threading.Lock()

    def count(more: int) -> None:  # called in boto3's threads
        nonlocal sent
        with lock:
            sent += more
            progress(key, sent, len(body))

    s3.upload_fileobj(
        io.BytesIO(body),
        bucket,
        key,
        ExtraArgs={"ContentType": "application/gzip", "Metadata": {_DIGEST: digest}},
        Callback=count,
    )
