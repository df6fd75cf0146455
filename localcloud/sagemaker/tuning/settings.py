"""A tuning job's settings, with AWS's defaults, limits and refusals.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.sagemaker.errors import invalid
from localcloud.sagemaker.training import service as training
from localcloud.sagemaker.tuning.ranges import Range, combinations, read

OBJECTIVE = "_tuning_objective_metric"  # the hyperparameter that names it to the training toolkits
REQUEST = (
    "HyperParameterTuningJobConfig",
    "TrainingJobDefinition",
    "TrainingJobDefinitions",
    "WarmStartConfig",
    "Autotune",
    "Tags",
)
_PASSED_ON = (  # what a trial's CreateTrainingJob takes over from the definition as it is
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "VpcConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "StoppingCondition",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "RetryStrategy",
)


@dataclass(frozen=True)
class TuningSettings:
    """What a tuning job searches, how, and for how long."""

    definition: Mapping[str, Any]  # TrainingJobDefinition, its static hyperparameters with the objective
    strategy: str
    seed: int | None
    metric: str
    maximise: bool
    ranges: list[Range]
    jobs: float  # MaxNumberOfTrainingJobs; infinite when only the time is limited
    parallel: int
    seconds: float
    tags: list[dict[str, str]]

    @classmethod
    def read(cls, request: Mapping[str, Any]) -> "TuningSettings":
        """Read a request; raise a ValidationException for what it may not hold."""
        config, given = request["HyperParameterTuningJobConfig"], request.get("TrainingJobDefinition")
        _refuse_unsupported(request, config, given or {})
        if not given:
            raise invalid("TrainingJobDefinition is missing: it says what each training job runs.")
        objective, strategy = config.get("HyperParameterTuningJobObjective"), config["Strategy"]
        if not objective:
            raise invalid("HyperParameterTuningJobObjective is missing: it names the metric to tune for.")
        if strategy == "Hyperband" and config.get("TrainingJobEarlyStoppingType") == "Auto":
            raise invalid("TrainingJobEarlyStoppingType must be Off with strategy Hyperband.")
        definitions = given["AlgorithmSpecification"].get("MetricDefinitions") or ()
        if objective["MetricName"] not in [each["Name"] for each in definitions]:
            raise invalid(
                "A metric is required for this hyperparameter tuning job objective. Provide a metric in the "
                f"metric definitions. (None is named {objective['MetricName']!r}.)"
            )
        ranges, static = read(config.get("ParameterRanges") or {}), given.get("StaticHyperParameters") or {}
        if both := sorted({each.name for each in ranges} & set(static)):
            raise invalid(f"{', '.join(both)}: a hyperparameter is static or tuned, not both.")
        limits = config["ResourceLimits"]
        settings = cls(
            definition={**given, "StaticHyperParameters": {OBJECTIVE: objective["MetricName"], **static}},
            strategy=strategy,
            seed=config.get("RandomSeed"),
            metric=objective["MetricName"],
            maximise=objective["Type"] == "Maximize",
            ranges=ranges,
            jobs=_jobs(limits, strategy, ranges),
            parallel=limits["MaxParallelTrainingJobs"],
            seconds=limits.get("MaxRuntimeInSeconds") or math.inf,
            tags=request.get("Tags") or [],
        )
        trial = settings.trial("name-of-a-trial", {})
        training.check({part: trial.get(part) for part in training.CHECKED})
        return settings

    def trial(self, name: str, tuned: Mapping[str, str]) -> dict[str, Any]:
        """Return the CreateTrainingJob request of one trial.

        Trials that run at once share this machine's cores, where on AWS each has an instance of its own.
        """
        definition = self.definition
        request = {part: definition[part] for part in _PASSED_ON if definition.get(part) not in (None, {})}
        environment = definition.get("Environment") or {}
        if self.parallel > 1:
            threads = max(1, (os.cpu_count() or 1) // self.parallel)
            environment = {"OMP_NUM_THREADS": str(threads), **environment}
        checkpoints = definition.get("CheckpointConfig")
        if checkpoints:
            request["CheckpointConfig"] = {
                **checkpoints,
                "S3Uri": f"{checkpoints['S3Uri'].rstrip('/')}/{name}/",
            }
        return {
            "TrainingJobName": name,
            "HyperParameters": {**definition["StaticHyperParameters"], **tuned},
            "Environment": environment,
            "Tags": self.tags,
            **request,
        }


def _jobs(limits: Mapping[str, int], strategy: str, ranges: list[Range]) -> float:
    """Return how many training jobs there are at most.

    https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-how-it-works.html
    """
    jobs = limits.get("MaxNumberOfTrainingJobs")
    if strategy == "Grid":
        grid = math.prod(len(values) for _, values in combinations(ranges))
        if jobs not in (None, grid):
            raise invalid(
                f"MaxNumberOfTrainingJobs is {jobs}, but the grid has {grid} combinations: leave it out, or "
                "make it that."
            )
        return grid
    if jobs is None and not limits.get("MaxRuntimeInSeconds"):
        raise invalid("ResourceLimits needs MaxNumberOfTrainingJobs or MaxRuntimeInSeconds.")
    return math.inf if jobs is None else jobs


def _refuse_unsupported(
    request: Mapping[str, Any], config: Mapping[str, Any], definition: Mapping[str, Any]
) -> None:
    ranges = config.get("ParameterRanges") or {}
    for holder, names in (
        (request, ("TrainingJobDefinitions", "WarmStartConfig", "Autotune")),
        (config, ("TuningJobCompletionCriteria",)),
        (ranges, ("AutoParameters",)),
        (definition, ("TuningObjective", "HyperParameterRanges", "HyperParameterTuningResourceConfig")),
    ):
        for name in names:
            if holder.get(name):
                raise invalid(f"{name} is given, which the local cloud doesn't support: leave it out.")
    if definition and not definition.get("ResourceConfig"):
        raise invalid("ResourceConfig is missing from TrainingJobDefinition.")
