"""Whether the images of a manifest have arrived: its keys against a listing of the batch's prefix."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from batch_prediction.layout import Archive, upload
from batch_prediction.manifests.folder import BatchFolder
from batch_prediction.manifests.reading import read
from batch_prediction.manifests.records import ManifestError, Record

if TYPE_CHECKING:
    from batch_prediction.aws.types import ListObjectsV2Request, S3Client

_CHUNK = 1024 * 1024  # bytes read from S3 at once
_AFTER_THE_FIRST = 20  # requests


class Missing(NamedTuple):
    """Images that a manifest version names but don't exist: how many, of how many, the first."""

    images: int
    expected: int
    first: str  # its key
    at_least: bool = False  # not all were looked for


def has_arrived(s3: "S3Client", bucket: str, key: str) -> bool:
    """Whether an image that was missing is there: one request, without reading a manifest."""
    page = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)  # the key itself comes before longer ones
    return page["IsTruncated"] or any(entry["Key"] == key for entry in page.get("Contents", ()))


def find(s3: "S3Client", bucket: str, key: str, version: str, max_images: int) -> Missing | None:
    """The images that a manifest version names but don't exist, the first one in S3's order; None without.

    A thousand keys a request, skipping what the manifest doesn't name; after the first gap at most 20 more,
    so that of a large batch at least that many are known to be missing. In memory, the manifest's keys. A
    manifest that will be refused is not waited for, and an archive has all of its images in it.
    """
    manifest = upload(key)
    if isinstance(manifest, Archive):
        return None
    body = s3.get_object(Bucket=bucket, Key=key, VersionId=version)["Body"]
    begin = len(f"s3://{bucket}/")
    wanted: list[bytes] = []  # as text, one wide character would make each letter of a key four bytes
    try:
        lines = read(body.iter_chunks(_CHUNK), BatchFolder(bucket, manifest.folder), manifest.name)
        for number, item in enumerate(lines):
            if number >= max_images:
                return None
            if isinstance(item, Record):
                wanted.append(item.image[begin:].encode())
    except ManifestError:
        return None
    wanted.sort()  # S3's order is that of the keys' UTF-8 bytes
    gaps = _gaps(s3, bucket, manifest.folder, wanted)
    first = next(gaps, None)
    if first is None:
        return None
    images, at_least = 1, False
    for gap in gaps:  # one at a time: as text, keys may be four times as large
        images += gap is not None
        at_least = gap is None
    return Missing(images, len(wanted), first, at_least)


def _gaps(s3: "S3Client", bucket: str, folder: str, wanted: list[bytes]) -> Iterator[str | None]:
    """Those of the sorted keys that aren't listed; a limited number of requests after the first of them.

    None at the end says that these weren't enough for all.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html: StartAfter is exclusive, so a page
    begins after the wanted key's own beginning, or where the last page ended. A page may be empty, though the
    listing goes on: then its token says where.
    """
    number, after, token = 0, b"", None
    left = None  # requests; without a gap, as many as it takes
    while number < len(wanted) and left != 0:
        after = max(after, wanted[number].decode()[:-1].encode())
        request: ListObjectsV2Request = {"Bucket": bucket, "Prefix": folder}
        if token is None:
            request["StartAfter"] = after.decode()
        else:
            request["ContinuationToken"] = token
        page = s3.list_objects_v2(**request)
        there = [entry["Key"].encode() for entry in page.get("Contents", [])]
        found = set(there)
        token = page["NextContinuationToken"] if page["IsTruncated"] and not there else None
        if page["IsTruncated"] and there:
            after = there[-1]
        while number < len(wanted) and (not page["IsTruncated"] or wanted[number] <= after):
            if wanted[number] not in found:
                yield wanted[number].decode()
                left = _AFTER_THE_FIRST if left is None else left
            number += 1
        left = left and left - 1
    if number < len(wanted):
        yield None
