"""The misread images, for the page: their own bytes as data URIs, never decoded here."""

import base64
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from batch_prediction.archives.member import STORED, InMemory, Member, unpack
from batch_prediction.archives.ranges import ArchiveError, read_range
from batch_prediction.aws import errors
from batch_prediction.layout import INCOMING

if TYPE_CHECKING:
    from batch_prediction.aws.types import GetObjectRequest, S3Client

MAX_IMAGE = 20 * 1024  # bytes of one image; a digit has some 300
MAX_TOTAL = 400 * 1024  # bytes of all images of a page
_MAX_SIDE = 256  # pixels: what a browser would unpack is bounded too
_SECONDS = 30.0
_HEADER = 4 * 1024  # bytes of a zip's local header that are read: a name of 1,024 and others' fields
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
# Why an object can't be shown, by S3's error code; any other error is raised, and SQS delivers again.
_REASONS = {
    "NoSuchKey": "deleted since",
    "NoSuchVersion": "deleted since",
    "AccessDenied": "not readable",
    "PreconditionFailed": "replaced since",
    "InvalidObjectState": "archived",
}

Reference = Mapping[str, Any]  # of an image in an archive, as start/references.py wrote it
NOWHERE: Mapping[str, Reference] = MappingProxyType({})


@dataclass(frozen=True)
class Thumbnail:
    """An image as a data URI, or the reason why it can't be shown."""

    uri: str | None
    why: str = ""


def thumbnails(
    s3: "S3Client",
    bucket: str,
    images: list[str],
    read_until: datetime | None,
    places: Mapping[str, Reference] = NOWHERE,
    seconds: float = _SECONDS,
) -> list[Thumbnail]:
    """The images' thumbnails, in their order: one that can't be shown has a reason instead.

    An object written after `read_until`, when the transform job ended, isn't what the model saw: S3 answers
    412 (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html, If-Unmodified-Since). No image is
    asked for when `seconds` have passed or MAX_TOTAL bytes are there. An image that has a place is a member
    of an archive's version.
    """
    deadline, budget = time.monotonic() + seconds, MAX_TOTAL
    shown = []
    for image in images:
        if budget < MAX_IMAGE or time.monotonic() > deadline:
            shown.append(Thumbnail(None, "left out: the page is large enough"))
            continue
        place = places.get(image)
        found = _member(s3, bucket, place) if place else _fetch(s3, bucket, image, read_until)
        if isinstance(found, bytes):
            budget -= len(found)
            shown.append(_embedded(found))
        else:
            shown.append(Thumbnail(None, found))
    return shown


def pixels(body: bytes) -> tuple[str, int, int] | None:
    """The media type, width and height from the header of a PNG or JPEG; None for anything else.

    PNG: https://www.w3.org/TR/png-3/#11IHDR. JPEG: ITU-T T.81, B.1.1.2 and B.2.2.
    """
    if body.startswith(_PNG) and body[12:16] == b"IHDR" and len(body) >= 24:
        return ("image/png", *struct.unpack(">II", body[16:24]))
    if not body.startswith(_JPEG):
        return None
    at = 2
    while at + 9 <= len(body) and body[at] == 0xFF:
        marker, length = body[at + 1], int.from_bytes(body[at + 2 : at + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", body[at + 5 : at + 9])
            return "image/jpeg", width, height
        at += 2 + length
    return None


def _fetch(s3: "S3Client", bucket: str, image: str, read_until: datetime | None) -> bytes | str:
    """An image's bytes, or why it can't be shown."""
    key = image.removeprefix(f"s3://{bucket}/")
    if not key.startswith(INCOMING):
        return "not an image of this stack"
    request: GetObjectRequest = {"Bucket": bucket, "Key": key}
    if read_until:
        request["IfUnmodifiedSince"] = read_until
    try:
        answer = s3.get_object(**request)
    except ClientError as error:
        code = errors.code(error)
        if code not in _REASONS:
            raise
        return _REASONS[code]
    if answer["ContentLength"] > MAX_IMAGE:
        answer["Body"].close()
        return f"larger than {MAX_IMAGE // 1024} KB"
    body: bytes = answer["Body"].read()
    return body


def _member(s3: "S3Client", bucket: str, place: Reference) -> bytes | str:
    """The bytes of an archive's member, or why it can't be shown."""
    if "range" not in place:
        return "in a .tar.gz: pack .zip or .tar to see it here"
    if place["size"] > MAX_IMAGE:
        return f"larger than {MAX_IMAGE // 1024} KB"
    packed = place.get("packed", place["size"])
    end = min(place["at"] + _HEADER + packed, place["range"][1])
    member = Member(
        place["member"],
        place["at"],
        end,
        place["size"],
        packed,
        place.get("method", STORED),
        place.get("crc"),
    )
    key = place["source-ref"].removeprefix(f"s3://{bucket}/")
    try:
        data = read_range(s3, bucket, key, place["version"], member.at, max(end - 1, member.at))
        return b"".join(unpack(InMemory(member.at, data), member))
    except ArchiveError:
        return "damaged"
    except ClientError as error:
        code = errors.code(error)
        if code not in _REASONS:
            raise
        return _REASONS[code]


def _embedded(body: bytes) -> Thumbnail:
    found = pixels(body)
    if found is None:
        return Thumbnail(None, "not PNG or JPEG")
    media_type, width, height = found
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        return Thumbnail(None, f"{width} × {height} pixels: too large")
    return Thumbnail(f"data:{media_type};base64,{base64.b64encode(body).decode()}")
