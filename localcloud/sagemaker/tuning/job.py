"""A tuning job's work: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning.html."""

import uuid
from pathlib import Path
from time import monotonic
from typing import Any

from botocore.exceptions import ClientError
from moto.core.utils import utcnow

from localcloud.core.cloud import Cloud
from localcloud.sagemaker.errors import JobFailed, JobStopped
from localcloud.sagemaker.jobs import (
    Job,
    epoch_milliseconds,
    present,
    tags_of,
)
from localcloud.sagemaker.training.job import CHANNEL_DEFAULTS
from localcloud.sagemaker.tuning import trials
from localcloud.sagemaker.tuning.search import Search
from localcloud.sagemaker.tuning.settings import TuningSettings
from localcloud.sagemaker.tuning.trials import Trial

LOOK_SECONDS = 0.05  # between two looks at the running trials
MAX_FAILURES = 5  # after so many failures without a success SageMaker gives up, as users report
_ALGORITHM = ("TrainingImage", "TrainingInputMode", "MetricDefinitions")


class TuningJob(Job):
    """One search; `parents` gets each trial's tuning job, by the trial's name, before it is created."""

    kind = "HyperParameterTuning"
    words = "HyperParameter Tuning"

    def __init__(
        self, cloud: Cloud, backend: Any, record: Any, settings: TuningSettings, parents: dict[str, str]
    ) -> None:
        super().__init__(
            cloud, record, record.hyper_parameter_tuning_job_name, settings.definition["RoleArn"]
        )
        self.settings = settings
        self.trials: list[Trial] = []
        self._backend = backend
        self._parents = parents

    def keep(self) -> dict[str, Any]:
        """Return what it takes to make the job again, with its trials."""
        made = [
            {"number": trial.number, "name": trial.name, "tuned": trial.tuned, "drawn": trial.drawn}
            for trial in list(self.trials)
        ]
        return super().keep() | {"trials": made}

    def work(self, folder: Path) -> None:  # noqa: ARG002 - its trials have folders of their own
        """Launch trials, as many at once as the job may, until the last one has ended.

        A stop, and the end of MaxRuntimeInSeconds, stop the trials that run. A job of an earlier cloud goes
        on after the trials that it had, with another seed: its own would draw them again.
        """
        settings, deadline = self.settings, monotonic() + self.settings.seconds
        seed = None if settings.seed is None else settings.seed + len(self.trials)
        search = Search(settings.strategy, settings.maximise, settings.ranges, seed)
        running: list[Trial] = list(self.trials)
        for trial in running:
            search.repeat(trial.drawn)
        asked: set[str] = set()
        while True:
            for trial in [each for each in running if each.status in trials.ENDED]:
                search.tell(trial.number, trial.objective)
                running.remove(trial)
            if self.stop_requested.is_set() or monotonic() > deadline:
                self._stop([trial for trial in running if trial.name not in asked])
                asked |= {trial.name for trial in running}
            elif not self._hopeless:
                while len(running) < settings.parallel and len(self.trials) < settings.jobs:
                    running.append(self._launch(search))
            if not running or self.cloud.stopping.is_set():
                break
            self.cloud.stopping.wait(LOOK_SECONDS)
        if self.stop_requested.is_set():
            raise JobStopped
        if not any(trial.status == "Completed" for trial in self.trials):
            raise JobFailed(
                f"No training job succeeded after {min(MAX_FAILURES, len(self.trials))} attempts. For "
                "additional details, please take a look at the training job failures by listing training "
                "jobs for the hyperparameter tuning job."
            )

    @property
    def _hopeless(self) -> bool:
        counted = trials.status_counters(self.trials)
        return counted["NonRetryableError"] >= MAX_FAILURES and not counted["Completed"]

    def _launch(self, search: Search) -> Trial:
        """Create the training job of one more trial, as anybody would: by CreateTrainingJob."""
        suggestion = search.suggest()
        name = f"{self.name}-{len(self.trials) + 1:03}-{uuid.uuid4().hex[:8]}"
        self._parents[name] = self.record.arn
        request = self.settings.trial(name, suggestion.values)
        with self.cloud.gate.change():  # no trial is kept without its job
            self.cloud.client("sagemaker").create_training_job(**request)
            record = self._backend.training_jobs[name]
            metric = self.settings.metric
            trial = Trial(suggestion.number, suggestion.values, record, metric, suggestion.drawn)
            self.trials.append(trial)
        return trial

    def _stop(self, running: list[Trial]) -> None:
        for trial in running:
            try:
                self.cloud.client("sagemaker").stop_training_job(TrainingJobName=trial.name)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ValidationException":  # it has ended, or is stopped
                    raise

    def note_end(self) -> None:
        """Write the time of the end."""
        self.record.hyper_parameter_tuning_end_time = utcnow()

    def trial_summaries(self) -> list[dict[str, Any]]:
        """Return the entries of its training jobs in answers, in the order of their creation."""
        return [self._entry(trial) for trial in list(self.trials)]

    def _entry(self, trial: Trial) -> dict[str, Any]:
        return trial.summary(self.name, self.settings.definition.get("DefinitionName"))

    def summary(self) -> dict[str, Any]:
        """Return its entry in listings.

        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperParameterTuningJobSummary.html
        """
        record, config, launched = (
            self.record,
            self.record.hyper_parameter_tuning_job_config,
            list(self.trials),
        )
        return present(
            {
                "HyperParameterTuningJobName": self.name,
                "HyperParameterTuningJobArn": record.arn,
                "HyperParameterTuningJobStatus": self.status,
                "Strategy": config["Strategy"],
                "CreationTime": record.creation_time,
                "HyperParameterTuningEndTime": record.hyper_parameter_tuning_end_time,
                "LastModifiedTime": record.last_modified_time,
                "TrainingJobStatusCounters": trials.status_counters(launched),
                "ObjectiveStatusCounters": trials.objective_counters(launched),
                "ResourceLimits": config["ResourceLimits"],
            }
        )

    def description(self) -> dict[str, Any]:
        """Return what describing it answers; what has no value is left out, as in AWS's answers.

        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeHyperParameterTuningJob.html
        """
        record, definition = self.record, self.settings.definition
        summary = self.summary()
        for name in ("Strategy", "ResourceLimits"):
            del summary[name]
        best = trials.best(list(self.trials), self.settings.maximise)
        end = record.hyper_parameter_tuning_end_time or utcnow()
        return summary | present(
            {
                "HyperParameterTuningJobConfig": record.hyper_parameter_tuning_job_config,
                "TrainingJobDefinition": {
                    name: value for name, value in definition.items() if value not in (None, {})
                },
                "BestTrainingJob": None if best is None else self._entry(best),
                "FailureReason": record.failure_reason,
                "ConsumedResources": {
                    "RuntimeInSeconds": round((end - record.creation_time).total_seconds())
                },
            }
        )

    def detail(self) -> dict[str, Any]:
        """Return the event's detail: the documented fields, with AWS's defaults for what wasn't given.

        https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html#eventbridge-hpo
        """
        record, given, launched = self.record, self.settings.definition, list(self.trials)
        definition = {
            "StaticHyperParameters": given["StaticHyperParameters"],
            "AlgorithmSpecification": {
                name: given["AlgorithmSpecification"].get(name) for name in _ALGORITHM
            },
            "RoleArn": given["RoleArn"],
            "InputDataConfig": [{**CHANNEL_DEFAULTS, **each} for each in given.get("InputDataConfig") or ()],
            "VpcConfig": given.get("VpcConfig") or None,
            "OutputDataConfig": {"KmsKeyId": "", **given["OutputDataConfig"]},
            "ResourceConfig": given["ResourceConfig"],
            "StoppingCondition": given["StoppingCondition"],
        }
        return present(
            {
                "HyperParameterTuningJobName": self.name,
                "HyperParameterTuningJobArn": record.arn,
                "TrainingJobDefinition": definition,
                "HyperParameterTuningJobStatus": record.hyper_parameter_tuning_job_status,
                "CreationTime": epoch_milliseconds(record.creation_time),
                "LastModifiedTime": epoch_milliseconds(record.last_modified_time),
                "TrainingJobStatusCounters": trials.status_counters(launched),
                "ObjectiveStatusCounters": trials.objective_counters(launched),
                "Tags": tags_of(record),
            }
        )
