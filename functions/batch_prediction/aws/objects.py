"""JSON objects in S3: reading one that may not exist, and conditional writes.

Conditional writes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html. 412 means
that the condition doesn't hold, 409 that another conditional write to the key is under way, and 404 that the
object to replace has been deleted.
"""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from botocore.exceptions import ClientError

from batch_prediction.aws.errors import code, status

if TYPE_CHECKING:
    from batch_prediction.aws.types import Object, PutObjectRequest, S3Client

JSON = "application/json"
_PAUSES = (0.1, 0.2, 0.4, 0.8)  # seconds, while another conditional write is under way


class Stored(NamedTuple):
    """A JSON object as it is in the bucket, and the ETag of the version that was read."""

    content: Any  # JSON of any shape; the reader knows which
    etag: str


def to_json(content: object) -> bytes:
    """JSON that people read as well: two spaces of indentation."""
    return orjson.dumps(content, option=orjson.OPT_INDENT_2)


def read_bytes(s3: "S3Client", bucket: str, key: str) -> bytes | None:
    """An object's bytes; None where there is no such object."""
    answer = _get(s3, bucket, key)
    return None if answer is None else answer["Body"].read()


def read_json(s3: "S3Client", bucket: str, key: str) -> Stored | None:
    """An object's content; None if the object doesn't exist."""
    answer = _get(s3, bucket, key)
    return None if answer is None else Stored(orjson.loads(answer["Body"].read()), answer["ETag"])


def _get(s3: "S3Client", bucket: str, key: str) -> "Object | None":
    try:
        return s3.get_object(Bucket=bucket, Key=key)
    except s3.exceptions.NoSuchKey:
        return None


def check_schema(bucket: str, key: str, content: Mapping[str, object], schema: str, remedy: str) -> None:
    """ValueError, with a remedy, unless an object names this schema."""
    if content["schema"] != schema:
        raise ValueError(
            f"s3://{bucket}/{key}: expected the schema {schema}, found {content['schema']!r}: another "
            f"version of this stack wrote it; {remedy}"
        )


def exists(s3: "S3Client", bucket: str, key: str) -> bool:
    """Whether there is an object with this key."""
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if code(error) != "404":
            raise
        return False
    return True


def put_json(s3: "S3Client", bucket: str, key: str, content: object) -> None:
    """Write a JSON object, replacing any that exists."""
    s3.put_object(Bucket=bucket, Key=key, Body=to_json(content), ContentType=JSON)


def put_if_absent(s3: "S3Client", bucket: str, key: str, body: bytes) -> bool:
    """Write a JSON object unless there is one; whether it was written."""
    for pause in (*_PAUSES, None):
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*", ContentType=JSON)
        except ClientError as error:
            if status(error) == 412:
                return False
            if status(error) != 409 or pause is None:
                raise
            time.sleep(pause)
        else:
            return True
    raise AssertionError("the last round returns or raises")


def put_if_unchanged(s3: "S3Client", request: "PutObjectRequest", etag: str | None) -> str | None:
    """Replace the version of an object that has this ETag (None: there was no object).

    Returns the new version's ETag; None when another writer was faster, and nothing was written.
    """
    conditional: PutObjectRequest = (
        {**request, "IfNoneMatch": "*"} if etag is None else {**request, "IfMatch": etag}
    )
    try:
        answer = s3.put_object(**conditional)
    except ClientError as error:
        if status(error) not in (404, 409, 412):
            raise
        return None
    return str(answer["ETag"])
