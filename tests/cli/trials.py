"""Trials of a search, and what SageMaker answers about them."""

from datetime import UTC, datetime
from typing import Any

from botocore.stub import Stubber

from tests.functions.models.tuning_jobs import TUNING_JOB, described

STARTED = datetime(2026, 11, 25, 12, tzinfo=UTC)
NOT_FOUND = ("ValidationException", "Requested resource not found.")


def summary(number: int, status: str, objective: float | None = None, **others: Any) -> dict[str, Any]:
    """A trial in the answer of ListTrainingJobsForHyperParameterTuningJob."""
    name = f"{TUNING_JOB}-{number:03d}-abcd"
    metric = {"MetricName": "validation-accuracy", "Value": objective}
    return {
        "TrainingJobName": name,
        "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{name}",
        "CreationTime": STARTED,
        "TrainingStartTime": STARTED,
        "TrainingJobStatus": status,
        "TunedHyperParameters": {"learning-rate": "0.0123456789", "batch-size": "256"},
        **({} if objective is None else {"FinalHyperParameterTuningJobObjectiveMetric": metric}),
        **others,
    }


def look(stub: Stubber, status: str, *pages: list[dict[str, Any]]) -> None:
    """Answer one look at the search."""
    job = described() | {"HyperParameterTuningJobStatus": status}
    job["HyperParameterTuningJobConfig"]["ResourceLimits"] = {
        "MaxNumberOfTrainingJobs": 3,
        "MaxParallelTrainingJobs": 2,
    }
    stub.add_response("describe_hyper_parameter_tuning_job", job)
    for number, page in enumerate(pages, start=1):
        more = {"NextToken": "more"} if number < len(pages) else {}
        stub.add_response(
            "list_training_jobs_for_hyper_parameter_tuning_job", {"TrainingJobSummaries": page, **more}
        )
