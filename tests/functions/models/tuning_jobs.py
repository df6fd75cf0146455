"""Ended tuning jobs, as SageMaker describes them."""

from datetime import UTC, datetime
from typing import Any

from botocore.stub import Stubber

from batch_prediction.aws.clients import Clients
from batch_prediction.models import final_training
from batch_prediction.settings import Settings
from tests.settings_and_events import event

TUNING_JOB = "digits-261122-140000"
FINAL = f"{TUNING_JOB}-final"


def described(status: str = "Completed", **changes: Any) -> Any:
    """An ended tuning job, as DescribeHyperParameterTuningJob gives it."""
    detail = event("tuning_job_completed")["detail"]
    now = datetime(2026, 11, 22, tzinfo=UTC)
    best = {
        "TrainingJobName": f"{TUNING_JOB}-003-0a1b2c3d",
        "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{TUNING_JOB}-003-0a1b2c3d",
        "CreationTime": now,
        "TrainingJobStatus": "Completed",
        "TunedHyperParameters": {"learning-rate": "0.0123", "weight-decay": "0.001"},
        "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "validation-accuracy", "Value": 0.9941},
    }
    answer = {
        "HyperParameterTuningJobName": TUNING_JOB,
        "HyperParameterTuningJobArn": detail["HyperParameterTuningJobArn"],
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "ResourceLimits": {"MaxParallelTrainingJobs": 2},
        },
        "TrainingJobDefinition": detail["TrainingJobDefinition"],
        "HyperParameterTuningJobStatus": status,
        "CreationTime": now,
        "TrainingJobStatusCounters": {"Completed": 3, "NonRetryableError": 1},
        "ObjectiveStatusCounters": {"Succeeded": 3, "Pending": 0, "Failed": 1},
        "BestTrainingJob": best,
    }
    return answer | changes


def taken(aws: Clients, settings: Settings, found: dict[str, Any]) -> str:
    """Start a final training whose name is taken by what is found."""
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{FINAL}"
    answer = {
        "TrainingJobName": FINAL,
        "TrainingJobArn": arn,
        "ModelArtifacts": {"S3ModelArtifacts": ""},
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Starting",
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "ResourceConfig": {"VolumeSizeInGB": 30},
        "StoppingCondition": {},
        "CreationTime": datetime(2026, 11, 22, tzinfo=UTC),
    }
    with Stubber(aws.sagemaker) as stub:
        stub.add_response("describe_hyper_parameter_tuning_job", described())
        stub.add_client_error("create_training_job", "ResourceInUse")
        stub.add_response("describe_training_job", answer | found, {"TrainingJobName": FINAL})
        return final_training.start(aws, settings, TUNING_JOB)
