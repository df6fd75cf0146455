"""S3 and SageMaker that answer at once: what the functions use of them, over prepared bytes."""

import io
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

from botocore.response import StreamingBody

from batch_prediction.aws.clients import Clients
from batch_prediction.layout import INDEX
from batch_prediction.settings import Settings

SETTINGS = Settings(
    name="digits",
    bucket="digits-bucket",
    sagemaker_role_arn="arn:aws:iam::123456789012:role/digits",
    transform_instance_type="ml.m5.large",
    max_transform_instances=4,
    serving_image="ray:tag",
    minimum_accuracy=0.97,
    accuracy_tolerance=0.002,
    max_images=1_000_000,
    upload_queue_url="",
    report_queue_url="",
    notifications_topic_arn="arn:aws:sns:us-east-1:123456789012:digits-notifications",
    training_instance_type="ml.g4dn.xlarge",
    transform_price_per_hour=0.0,
    wait_for_images_minutes=60,
    wait_for_capacity_hours=24,
    max_transform_hours=6,
    spot_training=False,
)


class MemoryS3:
    """An S3 client of one bucket; what is written is kept. Unless `kept`, only the list of runs is."""

    exceptions = SimpleNamespace(NoSuchKey=KeyError)

    def __init__(self, objects: Mapping[str, bytes]) -> None:
        self.objects = dict(objects)
        self.kept = True

    def get_object(self, *, Key: str, **_: object) -> dict[str, Any]:  # noqa: N803 (boto3's name)
        """Answer with the object's content as botocore does: a stream that checks its length."""
        content = self.objects[Key]
        return {
            "ETag": f'"{hash(content)}"',
            "ContentLength": len(content),
            "Body": StreamingBody(io.BytesIO(content), len(content)),
        }

    def put_object(self, *, Key: str, Body: bytes, **_: object) -> dict[str, str]:  # noqa: N803 (boto3's names)
        """Take an object."""
        if self.kept or Key == INDEX:
            self.objects[Key] = Body
        return {"ETag": f'"{hash(Body)}"'}

    def upload_fileobj(self, file: IO[bytes], bucket: str, key: str) -> None:  # noqa: ARG002 (boto3's)
        """Take an object from a file."""
        if self.kept:
            self.objects[key] = file.read()

    def upload_file(self, name: str, bucket: str, key: str, ExtraArgs: object) -> None:  # noqa: ARG002, N803
        """Take an object from a file by its name."""
        if self.kept:
            self.objects[key] = Path(name).read_bytes()


def clients(s3: MemoryS3, transform_job: dict[str, Any]) -> Clients:
    """The functions' clients: this S3, and a SageMaker that describes one transform job."""
    made = Clients()
    made.__dict__["s3"] = s3  # a cached_property reads its value here
    made.__dict__["sagemaker"] = SimpleNamespace(describe_transform_job=lambda **_: transform_job)
    made.__dict__["sns"] = SimpleNamespace(publish=lambda **_: None)
    return made
