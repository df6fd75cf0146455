"""CreateTrainingJob and StopTrainingJob, with jobs that really run.

Refused, where AWS would accept them: images with an entry point of their own (scripts only, see
`script_mode`), Pipe mode, manifests and compressed channels.
"""

import threading
from collections.abc import Mapping
from typing import Any

from moto.core.responses import ActionResult
from moto.sagemaker.models import FakeTrainingJob, sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse

from localcloud.core.cloud import Cloud
from localcloud.sagemaker.errors import invalid, name_taken
from localcloud.sagemaker.jobs import check_name, plug_in_stop
from localcloud.sagemaker.kept import Jobs, record_of
from localcloud.sagemaker.training import checkpoints, script_mode
from localcloud.sagemaker.training.job import TrainingJob
from localcloud.sagemaker.training.metrics import Metrics

CHECKED = (
    *("TrainingJobName", "HyperParameters", "AlgorithmSpecification", "InputDataConfig"),
    "CheckpointConfig",
)


def plug_in(cloud: Cloud) -> None:
    """Run training jobs instead of declaring them completed."""
    jobs: dict[str, TrainingJob] = {}
    creating = threading.Lock()
    initialise, create = FakeTrainingJob.__init__, SageMakerResponse.create_training_job

    def begin(record: Any, **values: Any) -> None:
        specification = values["algorithm_specification"]
        initialise(record, **values | {"algorithm_specification": dict(specification)})
        record.algorithm_specification = specification  # moto puts a made-up metric there
        record.training_job_status, record.secondary_status = "InProgress", "Starting"
        record.model_artifacts = record.final_metric_data_list = record.environment = (
            record.failure_reason
        ) = None
        record.training_start_time = record.training_end_time = None

    def create_training_job(response: Any) -> ActionResult:
        name = response._get_param("TrainingJobName")
        with creating:
            taken = response.sagemaker_backend.training_jobs.get(name)
            if taken is not None:
                raise name_taken(taken.arn)
            metrics = check({part: response._get_param(part) for part in CHECKED})
            answer: ActionResult = create(response)
            record = response.sagemaker_backend.training_jobs[name]
            record.environment = response._get_param("Environment")
            jobs[name] = TrainingJob(cloud, record, metrics)
        jobs[name].start()
        return answer

    def make(kept: dict[str, Any]) -> TrainingJob:
        record = record_of(FakeTrainingJob, kept["record"])
        backend: Any = sagemaker_backends[cloud.account_id][cloud.region]
        backend.training_jobs[record.training_job_name] = record
        return TrainingJob(
            cloud, record, Metrics(record.algorithm_specification.get("MetricDefinitions") or ())
        )

    cloud.keep("sagemaker training jobs", Jobs(cloud, "training", jobs, make))
    cloud.patch(FakeTrainingJob, "__init__", begin)
    cloud.patch(SageMakerResponse, "create_training_job", create_training_job)
    plug_in_stop(cloud, "Training", jobs)


def check(request: Mapping[str, Any]) -> Metrics:
    """Refuse a request that SageMaker refuses, or that the local cloud can't run; return its metrics."""
    check_name(request["TrainingJobName"])
    checkpoints.check(request["CheckpointConfig"])
    given, algorithm = request["HyperParameters"] or {}, request["AlgorithmSpecification"]
    for name in (script_mode.PROGRAM, script_mode.SUBMIT_DIRECTORY):
        if name not in given:
            raise invalid(
                f"The hyperparameter {name} is missing. The local cloud runs training in script mode only: "
                "give the script's name and the s3:// address of the .tar.gz archive that holds it."
            )
    for channel in request["InputDataConfig"] or ():
        source = channel["DataSource"].get("S3DataSource", {})
        modes = (channel.get("InputMode"), algorithm["TrainingInputMode"])
        for found, expected in (
            (source.get("S3DataType"), "S3Prefix"),
            (channel.get("CompressionType") or "None", "None"),
            ("Pipe" if "Pipe" in modes else "File", "File"),
        ):
            if found != expected:
                name = channel["ChannelName"]
                raise invalid(
                    f"Channel {name!r} asks for {found!r}, the local cloud knows {expected!r} only."
                )
    return Metrics(algorithm.get("MetricDefinitions") or ())
