"""Transform jobs, as SageMaker describes them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from botocore.stub import Stubber

from batch_prediction.aws.clients import Clients
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


def attempted(aws: Clients, *described: dict[str, Any] | None) -> Stubber:
    """SageMaker describes a run's attempts, the first one first; None for one that doesn't exist."""
    stub = Stubber(aws.sagemaker)
    for number, found in enumerate(described, start=1):
        if found is None:
            stub.add_client_error(
                "describe_transform_job", "ValidationException", "Could not find requested job"
            )
        else:
            path = f"s3://{BUCKET}/{RUN.output_prefix(number)}"
            output = found["TransformOutput"] | {"S3OutputPath": path}
            name = transform_job.attempt_name(STARTED, number)
            stub.add_response(
                "describe_transform_job", found | {"TransformJobName": name, "TransformOutput": output}
            )
    return stub
