"""The trial that the final training follows: of those whose accuracies noise can't tell apart, the likeliest.

SageMaker's BestTrainingJob has the best objective, the accuracy on held-out images. A trial within one
standard error of the difference of two such accuracies, sqrt(2·p·(1 - p)/n) of n images, may be as good; the
calibrated negative log-likelihood on these images says more, as it depends on every probability.
"""

import math
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batch_prediction.aws.types import SageMakerClient, TrialSummary, TuningJobDescription

# Metrics that train.py logs, and SageMaker lists of a trial; the last is how many images a trial holds out.
OBJECTIVE, LIKELIHOOD, IMAGES = "validation-accuracy", "calibrated-nll", "validation-images"
MAX_DESCRIBED = 20  # trials, the best first: each costs one request


@dataclass(frozen=True)
class Trial:
    """A trial's training job, and its hyperparameters beyond those of all trials."""

    name: str
    tuned: "Mapping[str, str]"


@dataclass(frozen=True)
class _Measured:
    """A trial with its accuracy (0–1) and its negative log-likelihood in nats."""

    trial: Trial
    accuracy: float
    likelihood: float


def of_sagemaker(tuning: "TuningJobDescription") -> Trial:
    """The trial with the best objective."""
    best = tuning["BestTrainingJob"]
    return Trial(best["TrainingJobName"], best["TunedHyperParameters"])


def choose(sagemaker: "SageMakerClient", tuning: "TuningJobDescription") -> Trial:
    """The trial to follow. SageMaker's, where its metrics are missing or the objective is another.

    Metrics may lag behind a job's end, so a later call may choose another trial.
    """
    best, given = of_sagemaker(tuning), tuning["BestTrainingJob"]
    objective = given.get("FinalHyperParameterTuningJobObjectiveMetric")
    if objective is None or objective["MetricName"] != OBJECTIVE:
        return best
    rivals = _completed(sagemaker, tuning["HyperParameterTuningJobName"], best.name)
    if not rivals:
        return best
    metrics, accuracy = _metrics(sagemaker, best.name), objective["Value"]
    if not {LIKELIHOOD, IMAGES} <= metrics.keys() or metrics[IMAGES] < 1:
        return best
    least = accuracy - standard_error(accuracy, metrics[IMAGES])
    measured = [_Measured(best, accuracy, metrics[LIKELIHOOD])]
    for summary in rivals:
        found = summary["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
        if found < least:
            break
        likelihood = _metrics(sagemaker, summary["TrainingJobName"]).get(LIKELIHOOD, math.inf)
        trial = Trial(summary["TrainingJobName"], summary.get("TunedHyperParameters", {}))
        measured.append(_Measured(trial, found, likelihood))
    return min(measured, key=lambda each: (each.likelihood, -each.accuracy, each.trial.name)).trial


def standard_error(accuracy: float, images: float) -> float:
    """Of the difference of two accuracies (0–1), each on so many images.

    Trials are measured on the same images, which makes it smaller: the binomial formula is an upper bound
    (https://doi.org/10.1162/089976698300017197, section 3.2).
    """
    return math.sqrt(2 * accuracy * (1 - accuracy) / images)


def _completed(sagemaker: "SageMakerClient", tuning_job: str, best: str) -> "list[TrialSummary]":
    """The other completed trials with an objective, the best first.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListTrainingJobsForHyperParameterTuningJob.html
    """
    pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
        HyperParameterTuningJobName=tuning_job,
        StatusEquals="Completed",
        SortBy="FinalObjectiveMetricValue",
        SortOrder="Descending",
        PaginationConfig={"PageSize": MAX_DESCRIBED},
    )
    found = (
        summary
        for page in pages
        for summary in page["TrainingJobSummaries"]
        if summary["TrainingJobName"] != best and "FinalHyperParameterTuningJobObjectiveMetric" in summary
    )
    return list(islice(found, MAX_DESCRIBED - 1))


def _metrics(sagemaker: "SageMakerClient", name: str) -> dict[str, float]:
    """The numbers that SageMaker read from a trial's log."""
    job = sagemaker.describe_training_job(TrainingJobName=name)
    found = {metric["MetricName"]: metric["Value"] for metric in job.get("FinalMetricDataList", [])}
    return {metric: value for metric, value in found.items() if math.isfinite(value)}
