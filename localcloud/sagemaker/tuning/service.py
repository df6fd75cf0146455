"""Hyperparameter tuning jobs, whose trials are training jobs that really run.

Not supported, and refused: several definitions, warm starts, Autotune, completion criteria. Accepted without
effect: early stopping, and Hyperband's resources.
"""

import re
import threading
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.sagemaker.models import (
    FakeTrainingJob,
    HyperParameterTuningJob,
    SageMakerModelBackend,
    sagemaker_backends,
)
from moto.sagemaker.responses import SageMakerResponse

from localcloud.core.cloud import Cloud
from localcloud.sagemaker import listing
from localcloud.sagemaker.errors import invalid, tuning_name_taken
from localcloud.sagemaker.jobs import plug_in_stop
from localcloud.sagemaker.kept import Jobs, record_of
from localcloud.sagemaker.tuning.job import TuningJob
from localcloud.sagemaker.tuning.settings import REQUEST, TuningSettings
from localcloud.sagemaker.tuning.trials import Trial

NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}")
_FINAL = "FinalHyperParameterTuningJobObjectiveMetric"
_SORTED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "Name": lambda trial: trial["TrainingJobName"],
    "CreationTime": lambda trial: trial["CreationTime"],
    "Status": lambda trial: trial["TrainingJobStatus"],
    "FinalObjectiveMetricValue": lambda trial: trial[_FINAL]["Value"],
}


def plug_in(cloud: Cloud) -> None:
    """Run tuning jobs instead of declaring them completed."""
    jobs: dict[str, TuningJob] = {}
    parents: dict[str, str] = {}  # each trial's tuning job
    creating = threading.Lock()
    initialise, create = (
        HyperParameterTuningJob.__init__,
        SageMakerResponse.create_hyper_parameter_tuning_job,
    )
    describe = SageMakerModelBackend.describe_hyper_parameter_tuning_job
    begin_training = FakeTrainingJob.__init__

    def begin(record: Any, **values: Any) -> None:
        initialise(record, **values)
        record.tags = values["tags"] or []
        record.hyper_parameter_tuning_job_status = "InProgress"
        record.hyper_parameter_tuning_end_time = record.failure_reason = None

    def begin_trial(record: Any, **values: Any) -> None:
        begin_training(record, **values)
        record.tuning_job_arn = parents.get(record.training_job_name)

    def create_hyper_parameter_tuning_job(response: Any) -> ActionResult:
        name, backend = response._get_param("HyperParameterTuningJobName"), response.sagemaker_backend
        if NAME.fullmatch(name) is None:
            raise invalid(
                f"1 validation error detected: Value '{name}' at 'hyperParameterTuningJobName' failed to "
                f"satisfy constraint: Member must satisfy regular expression pattern: ^{NAME.pattern}"
            )
        with creating:
            if name in backend.hyper_parameter_tuning_jobs:
                raise tuning_name_taken(name)
            settings = TuningSettings.read({part: response._get_param(part) for part in REQUEST})
            answer: ActionResult = create(response)
            record = backend.hyper_parameter_tuning_jobs[name]
            jobs[name] = TuningJob(cloud, backend, record, settings, parents)
        jobs[name].start()
        return answer

    def find(backend: Any, name: str) -> TuningJob:
        """Find a tuning job; ResourceNotFound for an unknown name."""
        with creating:
            describe(backend, name)
            return jobs[name]

    def describe_hyper_parameter_tuning_job(
        backend: Any, hyper_parameter_tuning_job_name: str
    ) -> dict[str, Any]:
        return find(backend, hyper_parameter_tuning_job_name).description()

    def list_trials(response: Any) -> ActionResult:
        ask = response._get_param
        job = find(response.sagemaker_backend, ask("HyperParameterTuningJobName"))
        return listing.page("TrainingJobSummaries", _chosen(job.trial_summaries(), ask), ask)

    def summaries(response: Any) -> list[dict[str, Any]]:
        with creating:
            found = [jobs[name] for name in response.sagemaker_backend.hyper_parameter_tuning_jobs]
        return [job.summary() for job in found]

    def make(kept: dict[str, Any]) -> TuningJob:
        record = record_of(HyperParameterTuningJob, kept["record"])
        backend: Any = sagemaker_backends[cloud.account_id][cloud.region]
        backend.hyper_parameter_tuning_jobs[record.hyper_parameter_tuning_job_name] = record
        settings = TuningSettings.read(
            {
                "HyperParameterTuningJobConfig": record.hyper_parameter_tuning_job_config,
                "TrainingJobDefinition": record.training_job_definition,
                "Tags": record.tags,
            }
        )
        job = TuningJob(cloud, backend, record, settings, parents)
        job.trials += [
            Trial(
                each["number"],
                each["tuned"],
                backend.training_jobs[each["name"]],
                settings.metric,
                each["drawn"],
            )
            for each in kept["trials"]
        ]
        return job

    cloud.keep("sagemaker tuning jobs", Jobs(cloud, "tuning", jobs, make))
    cloud.patch(HyperParameterTuningJob, "__init__", begin)
    cloud.patch(FakeTrainingJob, "__init__", begin_trial)
    cloud.patch(
        SageMakerModelBackend, "describe_hyper_parameter_tuning_job", describe_hyper_parameter_tuning_job
    )
    cloud.patch(SageMakerResponse, "create_hyper_parameter_tuning_job", create_hyper_parameter_tuning_job)
    cloud.patch(
        SageMakerResponse,
        "list_hyper_parameter_tuning_jobs",
        listing.lister("HyperParameterTuning", summaries, "Name", "Ascending"),
    )
    cloud.patch(
        SageMakerResponse,
        "list_training_jobs_for_hyper_parameter_tuning_job",
        list_trials,
        new=True,
    )
    plug_in_stop(cloud, "HyperParameterTuning", jobs)


def _chosen(trials: list[dict[str, Any]], ask: Callable[[str], Any]) -> list[dict[str, Any]]:
    """Return the trials that a request asks for; sorted by the objective, only those that have one.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListTrainingJobsForHyperParameterTuningJob.html
    """
    status, key = ask("StatusEquals"), ask("SortBy") or "Name"
    chosen = [trial for trial in trials if status in (None, trial["TrainingJobStatus"])]
    if key == "FinalObjectiveMetricValue":
        chosen = [trial for trial in chosen if _FINAL in trial]
    return sorted(chosen, key=_SORTED[key], reverse=ask("SortOrder") == "Descending")
