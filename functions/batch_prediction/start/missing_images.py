"""Whether the images of a manifest have arrived: its keys against a listing of the batch's prefix."""

from typing import TYPE_CHECKING

from batch_prediction.layout import Archive, upload
from batch_prediction.manifests.folder import BatchFolder
from batch_prediction.manifests.reading import read
from batch_prediction.manifests.records import ManifestError, Record

if TYPE_CHECKING:
    from batch_prediction.aws.types import ListObjectsV2Request, S3Client

_CHUNK = 1024 * 1024  # bytes read from S3 at once


def first_missing(s3: "S3Client", bucket: str, key: str, version: str, max_images: int) -> str | None:
    """The key of the first image, in S3's order, that a manifest version names but doesn't exist; or None.

    A thousand keys a request, skipping what the manifest doesn't name, and no further than the first gap; in
    memory, the manifest's keys. A manifest that will be refused is not waited for, and an archive has all of
    its images in it.
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
    return _first_gap(s3, bucket, manifest.folder, wanted)


def _first_gap(s3: "S3Client", bucket: str, folder: str, wanted: list[bytes]) -> str | None:
    """The first of the sorted keys that isn't listed.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html: StartAfter is exclusive, so a page
    begins after the wanted key's own beginning, or where the last page ended. A page may be empty, though the
    listing goes on: then its token says where.
    """
    number, after, token = 0, b"", None
    while number < len(wanted):
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
                return wanted[number].decode()
            number += 1
    return None
