"""A checked folder as objects of their own: the images that aren't there yet, then the manifest."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from batch_prediction.layout import is_manifest_name
from cli.check.findings import Findings, Progress
from cli.check.folder import FolderMembers

CONCURRENT = 16  # requests; boto3's clients keep ten connections, and queue the rest
MANIFEST = "manifest.jsonl"
_AT_ONCE = 1024  # images whose uploads are waited for together


def send_images(
    s3: Any, bucket: str, folder: str, members: FolderMembers, found: Findings, progress: Progress
) -> int:
    """Upload the images that aren't there with the same size and ETag; returns how many that were."""
    names = list(dict.fromkeys(image.name for image in found.used if image.member))
    there = listed(s3, bucket, folder)
    sent = done = 0

    def send(name: str) -> bool:
        key, path = f"{folder}{name}", members.path(name)
        if key in there and _is_at(path, *there[key]):
            return False
        s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
        return True

    waiting = iter(names)
    with ThreadPoolExecutor(CONCURRENT) as pool:
        while some := list(islice(waiting, _AT_ONCE)):
            for was_sent in pool.map(send, some):
                sent, done = sent + was_sent, done + 1
                progress(done, len(names))
    return sent


def listed(s3: Any, bucket: str, prefix: str) -> dict[str, tuple[int, str]]:
    """Sizes and ETags of the objects below a prefix, by their keys."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    entries = (entry for page in pages for entry in page.get("Contents", []))
    return {entry["Key"]: (entry["Size"], entry["ETag"].strip('"')) for entry in entries}


def manifest(members: FolderMembers, found: Findings) -> tuple[str, bytes]:
    """The manifest's name and content: the folder's own one, or one with the labels that were found."""
    (*own,) = (name for name in found.beside if is_manifest_name(name) and "/" not in name)
    if own:
        return own[0], members.path(own[0]).read_bytes()
    return MANIFEST, "".join(_lines(found)).encode()


def _lines(found: Findings) -> Iterator[str]:
    for image in found.used:
        label = {} if image.label is None else {"label": image.label}
        line = image.fields | {"file_name": image.name} | label
        yield f"{json.dumps(line, ensure_ascii=False)}\n"


def _is_at(path: Path, size: int, etag: str) -> bool:
    """Whether an object is this file; not told of one that is encrypted with a key of AWS KMS.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html, ETag
    """
    if path.stat().st_size != size:
        return False
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() == etag
