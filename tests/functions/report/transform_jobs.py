"""Transform jobs, as SageMaker describes them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from batch_prediction.layout import Run
from batch_prediction.runs import transform_job
from tests.functions.start.uploads import DECISION, RUN
from tests.settings_and_events import BUCKET

STARTED = replace(DECISION, lines=4, labelled=3, left_out=1, price_per_hour=0.115)


def job(status: str, reason: str | None = None, run: Run = RUN) -> Any:
    """DescribeTransformJob's answer."""
    request = transform_job.job_request(BUCKET, run, STARTED)
    return {
        **{name: request[name] for name in ("TransformInput", "TransformOutput")},
        "TransformJobName": STARTED.transform_job,
        "TransformJobArn": f"arn:aws:sagemaker:us-east-1:123456789012:transform-job/{STARTED.transform_job}",
        "TransformJobStatus": status,
        "ModelName": STARTED.model,
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "CreationTime": datetime(2026, 11, 22, 15, 40, 24, tzinfo=UTC),
        "TransformStartTime": datetime(2026, 11, 22, 15, 44, 31, tzinfo=UTC),
        "TransformEndTime": datetime(2026, 11, 22, 15, 48, 7, tzinfo=UTC),
        **({"FailureReason": reason} if reason else {}),
    }
