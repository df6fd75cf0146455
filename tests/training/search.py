"""The arguments of a search."""

from typing import Any

from tests.settings_and_events import BUCKET

NAME = "digits-261125-213000"
SEARCH: dict[str, Any] = {
    "name": NAME,
    "bucket": BUCKET,
    "role": "arn:aws:iam::123456789012:role/digits-SageMakerRole",
    "image": "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.10-gpu-py313",
    "source": f"s3://{BUCKET}/code/abc/sourcedir.tar.gz",
    "training": f"s3://{BUCKET}/datasets/mnist/training/",
    "instance_type": "ml.g4dn.xlarge",
}
