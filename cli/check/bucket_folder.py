"""The folder of a manifest in a bucket, read as the functions read it: listed, and object by object."""

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from batch_prediction.archives.listing import Item
from batch_prediction.archives.member import Member, checked
from batch_prediction.archives.ranges import ArchiveError
from batch_prediction.layout import MANIFESTS

_PIECE = 1024 * 1024  # bytes read at once


class BucketFolder:
    """The objects below a prefix, one manifest of which may be chosen."""

    form, what, kind = "a folder in S3", "folder", "objects"

    def __init__(self, s3: Any, bucket: str, prefix: str, manifest: str = "") -> None:
        """`prefix` ends in a slash, `manifest` is a name below it."""
        self._s3, self._bucket, self.root, self._manifest = s3, bucket, prefix, manifest

    def address(self, name: str) -> str:
        """The object's `s3://` address."""
        return f"s3://{self._bucket}/{self.root}{name}"

    def files(self) -> Iterator[Item]:
        """The objects in S3's order; folders as AWS's console makes them are left out."""
        at = 0
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self.root)
        for page in pages:
            for entry in page.get("Contents", []):
                name, size = entry["Key"].removeprefix(self.root), entry["Size"]
                other = name.rpartition("/")[2].lower() in MANIFESTS and name != self._manifest
                if name.endswith("/") or not name or (self._manifest and other):
                    continue
                yield checked(Member(name, at, at + size, size, size))
                at += 1

    def reader(self) -> Callable[[Member], Iterator[bytes]]:
        """What reads objects piece by piece; ArchiveError for one that can't be read."""
        return self._read

    def _read(self, member: Member) -> Iterator[bytes]:
        try:
            body = self._s3.get_object(Bucket=self._bucket, Key=f"{self.root}{member.name}")["Body"]
        except ClientError as error:
            raise ArchiveError(f"expected an object that can be read, found: {error}") from error
        yield from body.iter_chunks(_PIECE)
