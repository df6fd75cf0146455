"""One file as an object: in parts where it is large, and only those parts that an earlier upload lacks.

What is there is told by ETags, MD5 digests of the bytes or of the parts' digests, unless the object is
encrypted with a key of AWS KMS (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html): then whole
objects are told by the digest in their metadata, and no part is taken for granted.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import IO, Any

from botocore.exceptions import ClientError

_PART = 8 * 1024 * 1024  # bytes
_MAX_PARTS = 10_000  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
_DIGEST = "sha256"  # its name in an object's metadata

Progress = Callable[[int, int], None]  # bytes that are there so far, and in total


@dataclass(frozen=True)
class Existing:
    """The newest version of an object; `same` says whether it is the file."""

    version: str
    same: bool


@dataclass(frozen=True)
class Content:
    """A file's size and digests; `etag` is that of an object that is uploaded as here."""

    size: int
    sha256: str
    parts: list[str]

    @classmethod
    def of(cls, file: IO[bytes], part: int = _PART) -> "Content":
        """Read a file whole."""
        size = file.seek(0, 2)
        part, whole, digests = part_size(size, part), hashlib.sha256(), list[str]()
        file.seek(0)
        while piece := file.read(part):
            whole.update(piece)
            digests.append(_md5(piece))
        return cls(size, whole.hexdigest(), digests or [_md5(b"")])

    @property
    def etag(self) -> str:
        """MD5 of the content, or of its parts' digests."""
        if len(self.parts) == 1:
            return self.parts[0]
        joined = b"".join(bytes.fromhex(digest) for digest in self.parts)
        return f"{_md5(joined)}-{len(self.parts)}"


def part_size(size: int, part: int = _PART) -> int:
    """Bytes of each part but the last."""
    return max(part, ceil(size / _MAX_PARTS))


def existing(s3: Any, bucket: str, key: str, content: Content) -> Existing | None:
    """What is at a key; None for nothing."""
    try:
        head = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        return None
    same = head["ETag"].strip('"') == content.etag
    if head.get("ServerSideEncryption", "").startswith("aws:kms"):
        same = head["Metadata"].get(_DIGEST) == content.sha256
    return Existing(head["VersionId"], same and head["ContentLength"] == content.size)


def send(
    s3: Any, bucket: str, key: str, file: IO[bytes], content: Content, progress: Progress, part: int = _PART
) -> str:
    """Upload a file, going on with what an interrupted upload has left; returns the object's version."""
    file.seek(0)
    metadata = {_DIGEST: content.sha256}
    if len(content.parts) == 1:
        version: str = s3.put_object(Bucket=bucket, Key=key, Body=file, Metadata=metadata)["VersionId"]
        progress(content.size, content.size)
        return version
    upload, there = _unfinished(s3, bucket, key, content)
    if upload is None:
        upload = s3.create_multipart_upload(Bucket=bucket, Key=key, Metadata=metadata)["UploadId"]
    tags, size = [], part_size(content.size, part)
    for number, digest in enumerate(content.parts, start=1):
        if number in there:
            tag = f'"{digest}"'
        else:
            file.seek((number - 1) * size)
            tag = s3.upload_part(
                Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=file.read(size)
            )["ETag"]
        tags.append({"PartNumber": number, "ETag": tag})
        progress(min(number * size, content.size), content.size)
    answer = s3.complete_multipart_upload(
        Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": tags}
    )
    found: str = answer["VersionId"]
    return found


def _unfinished(s3: Any, bucket: str, key: str, content: Content) -> tuple[str | None, set[int]]:
    """An upload of this file that was interrupted, and its parts; one with any other part isn't ours."""
    uploads = s3.list_multipart_uploads(Bucket=bucket, Prefix=key).get("Uploads", [])
    for upload in (upload["UploadId"] for upload in reversed(uploads) if upload["Key"] == key):
        parts = [
            (part["PartNumber"], part["ETag"].strip('"'))
            for page in s3.get_paginator("list_parts").paginate(Bucket=bucket, Key=key, UploadId=upload)
            for part in page.get("Parts", [])
        ]
        if parts and all(content.parts[number - 1 : number] == [digest] for number, digest in parts):
            return upload, {number for number, _ in parts}
    return None, set()


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
