"""Completed training jobs, their artifacts and the packages that are registered of them."""

import gzip
import io
import json
import tarfile
from datetime import UTC, datetime
from typing import Any

from batch_prediction.aws.clients import Clients
from batch_prediction.models import registration, registry
from batch_prediction.settings import Settings
from tests.settings_and_events import BUCKET


def completed_job(name: str, validation: float, created: datetime | None = None) -> Any:
    """A completed training job, as DescribeTrainingJob gives it."""
    return {
        "TrainingJobName": name,
        "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{name}",
        "TrainingJobStatus": "Completed",
        "CreationTime": created or datetime(2026, 11, 22, tzinfo=UTC),
        "ModelArtifacts": {"S3ModelArtifacts": f"s3://{BUCKET}/models/{name}/output/model.tar.gz"},
        "AlgorithmSpecification": {
            "TrainingImage": "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:2.10-gpu-py313",
            "TrainingInputMode": "File",
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "HyperParameters": {"arch": "base", "epochs": "9", "sagemaker_program": "train.py"},
        "FinalMetricDataList": [
            {"MetricName": "validation-accuracy", "Value": validation},
            {"MetricName": "test-accuracy", "Value": 0.9921},
        ],
    }


MATRIX = [[30 if label == guess else 0 for guess in range(10)] for label in range(10)]
CONFIG = {"arch": "base", "torch_version": "2.10.0", "confusion_matrix": MATRIX}


def packed(config: dict[str, Any], **others: object) -> bytes:
    """A model artifact with this config.json, and other JSON files by name; the same bytes each time."""
    archive = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=archive, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as files,
    ):
        for name, content in {"config": config, **others}.items():
            body, entry = json.dumps(content).encode(), tarfile.TarInfo(f"./{name}.json")
            entry.size = len(body)
            files.addfile(entry, io.BytesIO(body))
    return archive.getvalue()


def register(aws: Clients, settings: Settings, name: str, validation: float) -> registry.ModelPackage:
    """Register the model of a training job whose artifact exists."""
    aws.s3.put_object(Bucket=BUCKET, Key=f"models/{name}/output/model.tar.gz", Body=packed(CONFIG))
    return registration.register(aws, settings, completed_job(name, validation))
