"""Objects in S3 that have generations: whoever is late with an earlier one writes nothing.

S3 has no transaction over several objects, so each one keeps the order by itself: it carries its generation
as metadata, and a write holds for the version alone that was looked at. An object's generation never falls.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from typing import IO, TYPE_CHECKING, NamedTuple

from botocore.exceptions import ClientError

from batch_prediction.aws import objects
from batch_prediction.aws.errors import code

if TYPE_CHECKING:
    from batch_prediction.aws.types import PutObjectRequest, S3Client

_METADATA = "generation"
_MAX_WRITES = 10
NONE = -1  # of an object that doesn't exist, or that an earlier version of this stack wrote


class Existing(NamedTuple):
    """An object's generation and ETag; -1 and None where there is no object."""

    generation: int
    etag: str | None


def put(s3: "S3Client", request: "PutObjectRequest", body: bytes | IO[bytes], generation: int) -> bool:
    """Write an object unless a later generation of it exists; whether it was written. Safe to repeat.

    `request` has everything but the content. RuntimeError when others were faster every time.
    """
    bucket, key = request["Bucket"], request["Key"]
    whole: PutObjectRequest = {**request, "Body": body, "Metadata": {_METADATA: str(generation)}}
    for _ in range(_MAX_WRITES):
        existing, etag = look(s3, bucket, key)
        if existing > generation:
            return False
        if not isinstance(body, bytes):
            body.seek(0)
        if objects.put_if_unchanged(s3, whole, etag) is not None:
            return True
    raise RuntimeError(
        f"s3://{bucket}/{key}: expected to write it in {_MAX_WRITES} attempts, found it changed each time"
    )


def look(s3: "S3Client", bucket: str, key: str) -> Existing:
    """What exists."""
    try:
        found = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if code(error) != "404":
            raise
        return Existing(NONE, None)
    return Existing(int(found["Metadata"].get(_METADATA, NONE)), found["ETag"])
