"""The S3 objects of SageMaker's jobs, read and written under the credentials of the job's role."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from localcloud.sagemaker.errors import JobFailed


def split_uri(uri: str) -> tuple[str, str]:
    """Return the bucket and the key (or prefix, or nothing) of `s3://bucket/key`.

    Raise JobFailed for anything else.
    """
    match = re.fullmatch(r"s3://([^/]+)(?:/(.*))?", uri, re.DOTALL)
    if match is None:
        raise JobFailed(f"ClientError: {uri!r} isn't an S3 address. Expected s3://bucket/key.")
    return match[1], match[2] or ""


def keys_below(s3: Any, uri: str) -> list[str]:
    """Return the keys that begin with the address's prefix, in S3's order, without folders' empty markers.

    Raise JobFailed when there are none.
    """
    bucket, prefix = split_uri(uri)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [
        item["Key"] for page in pages for item in page.get("Contents", ()) if not item["Key"].endswith("/")
    ]
    if not keys:
        raise JobFailed(
            f'ClientError: No S3 objects found under S3 URL "{uri}" given in input data source. '
            "Please ensure that the bucket exists in the selected region and that objects exist under that "
            "S3 prefix."
        )
    return keys


def name_below(prefix: str, key: str) -> str:
    """Return what is left of `key` below the folder that `prefix` names, whether or not it ends in a slash.

    A prefix that is a whole key, or the beginning of names in a folder, counts as that folder.
    """
    if prefix and not prefix.endswith("/"):
        folder = prefix + "/"
        prefix = folder if key.startswith(folder) else prefix[: prefix.rfind("/") + 1]
    return key.removeprefix(prefix)


def download_below(s3: Any, uri: str, folder: Path) -> None:
    """Copy the objects below an address into a folder, each at its name below the prefix."""
    bucket, prefix = split_uri(uri)
    for key in keys_below(s3, uri):
        target = (folder / name_below(prefix, key)).resolve()
        if not target.is_relative_to(folder.resolve()):
            raise JobFailed(f"ClientError: The key {key!r} in bucket {bucket} would leave the data's folder.")
        target.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, key, str(target))


def chunks(s3: Any, bucket: str, key: str) -> Iterator[bytes]:
    """Yield an object's bytes, at most 1 MiB at a time."""
    yield from s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(1 << 20)
