"""Bytes of an object version by their position, so that an archive needn't be downloaded or unpacked."""

import gzip
import zlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from batch_prediction.aws.types import S3Client

BLOCK = 2 * 1024 * 1024  # bytes of one request
_BLOCKS = 4  # kept
_SKIPPED = 1024 * 1024  # bytes unpacked at once while passing over some


class ArchiveError(ValueError):
    """An archive as a whole can't be used; the message says what was expected and found, and what to do."""


class Bytes(Protocol):
    """What can be read by position."""

    def read(self, at: int, size: int) -> bytes:
        """`size` bytes from position `at`; fewer only where they end."""
        ...


class ArchiveBytes(Bytes, Protocol):
    """An archive's bytes, wherever it lies."""

    @property
    def address(self) -> str:
        """Where it lies: what reports call it."""
        ...

    @property
    def size(self) -> int:
        """Bytes of the whole."""
        ...

    def unpacked(self, most: int) -> "Unpacked":
        """Its content unpacked by gzip, up to `most` bytes of it."""
        ...


class ObjectVersion:
    """An object version, read block by block; the last few blocks are kept.

    A range beyond the end is InvalidRange, so none is asked for
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html, Range).
    """

    def __init__(self, s3: "S3Client", bucket: str, key: str, version: str) -> None:
        self._s3, self.bucket, self.key, self.version = s3, bucket, key, version
        self.size = s3.head_object(Bucket=bucket, Key=key, VersionId=version)["ContentLength"]
        self._kept: OrderedDict[int, bytes] = OrderedDict()

    @property
    def address(self) -> str:
        """Its `s3://` address."""
        return f"s3://{self.bucket}/{self.key}"

    def read(self, at: int, size: int) -> bytes:
        """`size` bytes from position `at`; fewer only where the object ends."""
        end = min(at + size, self.size)
        if at < 0 or at >= end:
            return b""
        first, last = at // BLOCK, (end - 1) // BLOCK
        joined = b"".join(map(self._block, range(first, last + 1))) if last > first else self._block(first)
        return joined[at - first * BLOCK : end - first * BLOCK]

    def unpacked(self, most: int) -> "Unpacked":
        """The object's content unpacked by gzip, up to `most` bytes of it."""
        body = self._s3.get_object(Bucket=self.bucket, Key=self.key, VersionId=self.version)["Body"]
        return Unpacked(gzip.GzipFile(fileobj=body, mode="rb"), most)

    def _block(self, number: int) -> bytes:
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        first, last = number * BLOCK, min((number + 1) * BLOCK, self.size) - 1
        block = read_range(self._s3, self.bucket, self.key, self.version, first, last)
        self._kept[number] = block
        if len(self._kept) > _BLOCKS:
            self._kept.popitem(last=False)
        return block


class Unpacked:
    """A gzip stream's content by position, forwards only, a little of it in memory at a time."""

    def __init__(self, stream: gzip.GzipFile, most: int) -> None:
        self._stream, self._most, self._position = stream, most, 0

    def read(self, at: int, size: int) -> bytes:
        """`size` bytes from position `at`, which isn't before the last one's end; fewer where they end."""
        if at < self._position:
            raise ValueError(f"gzip: expected a position from {self._position} on, found {at}")
        while self._position < at:
            if not self._next(min(at - self._position, _SKIPPED)):
                return b""
        pieces = []
        while size > 0 and (piece := self._next(min(size, _SKIPPED))):
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def _next(self, size: int) -> bytes:
        try:
            piece = self._stream.read(size)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ArchiveError(
                f"expected a whole gzip stream, found a damaged one ({error}): pack and upload it again"
            ) from error
        self._position += len(piece)
        if self._position > self._most:
            raise ArchiveError(
                f"expected at most {self._most:,} bytes unpacked of a .tar.gz, which is read from its "
                "beginning, found more: pack the images as .zip or .tar, which have no such limit"
            )
        return piece


def read_range(s3: "S3Client", bucket: str, key: str, version: str, first: int, last: int) -> bytes:
    """An object version's bytes from `first` to `last`, both included."""
    answer = s3.get_object(Bucket=bucket, Key=key, VersionId=version, Range=f"bytes={first}-{last}")
    body: bytes = answer["Body"].read()
    return body
