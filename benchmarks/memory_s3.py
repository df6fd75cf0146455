"""In-memory stubs of S3 and SageMaker: the methods that the functions use, over prepared bytes."""

import io
from collections.abc import Mapping
from types import SimpleNamespace
from typing import IO, Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from batch_prediction.aws.clients import Clients
from batch_prediction.layout import INDEX


class MemoryS3:
    """An S3 client of one bucket that keeps what is written; unless `kept`, only the list of runs."""

    exceptions = SimpleNamespace(NoSuchKey=KeyError)

    def __init__(self, objects: Mapping[str, bytes]) -> None:
        self.objects = dict(objects)
        self.kept = True

    def get_object(self, *, Key: str, **_: object) -> dict[str, Any]:  # noqa: N803 (boto3's name)
        """Answer with the object's content like botocore: a stream that checks its length."""
        content = self.objects[Key]
        return {
            "ETag": f'"{hash(content)}"',
            "ContentLength": len(content),
            "Body": StreamingBody(io.BytesIO(content), len(content)),
        }

    def head_object(self, *, Key: str, **_: object) -> dict[str, Any]:  # noqa: N803 (boto3's name)
        """Answer as for a first report: it has no object yet."""
        answer: Any = {"Error": {"Code": "404", "Message": Key}}
        raise ClientError(answer, "HeadObject")

    def get_paginator(self, operation: str) -> Any:  # noqa: ARG002 (boto3's)
        """List objects: all keys below a prefix, in one page."""

        def paginate(*, Prefix: str, **_: object) -> list[dict[str, Any]]:  # noqa: N803 (boto3's name)
            return [{"Contents": [{"Key": key} for key in self.objects if key.startswith(Prefix)]}]

        return SimpleNamespace(paginate=paginate)

    def put_object(self, *, Key: str, Body: bytes | IO[bytes], **_: object) -> dict[str, str]:  # noqa: N803 (boto3's names)
        """Store an object."""
        if self.kept or Key == INDEX:
            self.objects[Key] = Body if isinstance(Body, bytes) else Body.read()
        return {"ETag": f'"{hash(Body)}"'}

    def upload_fileobj(self, file: IO[bytes], bucket: str, key: str) -> None:  # noqa: ARG002 (boto3's)
        """Store an object from a file."""
        if self.kept:
            self.objects[key] = file.read()


def clients(s3: MemoryS3, transform_job: dict[str, Any]) -> Any:
    """The functions' clients: this S3, a SageMaker that describes one transform job, and a silent SNS."""
    stubs: Any = Clients()
    stubs.__dict__["s3"] = s3  # where a cached_property keeps its value
    stubs.__dict__["sagemaker"] = SimpleNamespace(describe_transform_job=lambda **_: transform_job)
    stubs.__dict__["sns"] = SimpleNamespace(publish=lambda **_: None)
    return stubs
