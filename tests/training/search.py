"""The arguments of a search."""

from typing import Any

from tests.settings_and_events import BUCKET

NAME = "digits-261125-213000"
HOST = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
SEARCH: dict[str, Any] = {
    "name": NAME,
    "bucket": BUCKET,
    "role": "arn:aws:iam::123456789012:role/digits-SageMakerRole",
    "images": {
        "DIGITS_CPU_IMAGE": f"{HOST}/pytorch:2.14-cpu-amzn2023-sagemaker",
        "DIGITS_GPU_IMAGE": f"{HOST}/pytorch:2.14-cu133-amzn2023-sagemaker",
    },
    "source": f"s3://{BUCKET}/code/abc/sourcedir.tar.gz",
    "training": f"s3://{BUCKET}/datasets/mnist/training/",
    "instance_type": "ml.g4dn.xlarge",
}
