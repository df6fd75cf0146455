"""Ended tuning jobs, as SageMaker describes them."""

from datetime import UTC, datetime
from typing import Any

from botocore.stub import Stubber

from batch_prediction.aws.clients import Clients
from batch_prediction.models import final_training
from batch_prediction.models.best_trial import Trial
from batch_prediction.settings import Settings
from tests.functions.models.training_jobs import completed_job
from tests.settings_and_events import event

TUNING_JOB = "digits-261122-140000"
FINAL = f"{TUNING_JOB}-final"
TRIAL = Trial(f"{TUNING_JOB}-003-0a1b2c3d", {"learning-rate": "0.0123", "weight-decay": "0.001"})


def described(status: str = "Completed", **changes: Any) -> Any:
    """An ended tuning job, as DescribeHyperParameterTuningJob gives it."""
    detail = event("tuning_job_completed")["detail"]
    now = datetime(2026, 11, 22, tzinfo=UTC)
    best = {
        "TrainingJobName": TRIAL.name,
        "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{TRIAL.name}",
        "CreationTime": now,
        "TrainingJobStatus": "Completed",
        "TunedHyperParameters": dict(TRIAL.tuned),
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


def summary(of: Trial, accuracy: float) -> Any:
    """A trial in the answer of ListTrainingJobsForHyperParameterTuningJob."""
    return described()["BestTrainingJob"] | {
        "TrainingJobName": of.name,
        "TunedHyperParameters": dict(of.tuned),
        "FinalHyperParameterTuningJobObjectiveMetric": {
            "MetricName": "validation-accuracy",
            "Value": accuracy,
        },
    }


def job(of: Trial, likelihood: float | None, images: float | None = 10_000) -> Any:
    """A trial as DescribeTrainingJob gives it; without a metric that is None."""
    metrics = {"train-loss": 0.1, "calibrated-nll": likelihood, "validation-images": images}
    return completed_job(of.name, 0.99) | {
        "SecondaryStatus": "Completed",
        "ResourceConfig": {"VolumeSizeInGB": 30},
        "FinalMetricDataList": [
            {"MetricName": name, "Value": value} for name, value in metrics.items() if value is not None
        ],
    }


def read(stub: Stubber, answer: Any = None, rival: Trial | None = None) -> None:
    """Answer what is asked about a tuning job: its description, its trials, and their metrics."""
    listed = [summary(TRIAL, 0.9941), *([summary(rival, 0.994)] if rival else [])]
    stub.add_response("describe_hyper_parameter_tuning_job", answer or described())
    stub.add_response("list_training_jobs_for_hyper_parameter_tuning_job", {"TrainingJobSummaries": listed})
    if rival:
        stub.add_response("describe_training_job", job(TRIAL, 0.02))
        stub.add_response("describe_training_job", job(rival, 0.019))


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
        read(stub)
        stub.add_client_error("create_training_job", "ResourceInUse")
        stub.add_response("describe_training_job", answer | found, {"TrainingJobName": FINAL})
        return final_training.start(aws, settings, TUNING_JOB)
