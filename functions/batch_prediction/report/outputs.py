"""The objects that a transform job wrote: found by listing, and told apart by name.

AWS gives their keys in two ways: its guide has `<S3OutputPath>/part-00000.jsonl.out`, its API reference the
input's prefix in between.
https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformOutput.html
"""

from typing import TYPE_CHECKING

from batch_prediction.aws import objects
from batch_prediction.layout import output_name
from batch_prediction.report.predictions import BrokenPartError

if TYPE_CHECKING:
    from batch_prediction.aws.types import S3Client

Keys = dict[str, list[str]]  # by the name at their end


def find(s3: "S3Client", bucket: str, prefix: str) -> Keys:
    """What lies below an attempt's prefix, at any depth; a thousand keys a request."""
    found: Keys = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            found.setdefault(entry["Key"].rpartition("/")[2], []).append(entry["Key"])
    return found


def read(s3: "S3Client", bucket: str, keys: Keys, part: int) -> bytes | None:
    """A part's output; None without one, BrokenPartError for several, of which none is known to be right."""
    match keys.get(output_name(part), []):
        case []:
            return None
        case [key]:
            return objects.read_bytes(s3, bucket, key)
        case several:
            raise BrokenPartError(
                f"output part {part}: expected one object, found {len(several)}: {', '.join(several)}"
            )
