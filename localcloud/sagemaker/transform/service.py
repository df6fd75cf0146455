"""CreateTransformJob and StopTransformJob, with jobs that really run."""

import threading
from typing import Any

from moto.core.responses import ActionResult
from moto.sagemaker.exceptions import MissingModel
from moto.sagemaker.models import FakeTransformJob, sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse

from localcloud.core.cloud import Cloud
from localcloud.sagemaker.errors import invalid, name_taken
from localcloud.sagemaker.jobs import check_name, plug_in_stop
from localcloud.sagemaker.kept import Jobs, record_of
from localcloud.sagemaker.models import Definition, definition_of
from localcloud.sagemaker.transform.job import TransformJob
from localcloud.sagemaker.transform.settings import TransformSettings

REQUEST = {  # the parameters that say how a job runs, with the names that moto's record has for them
    "TransformInput": "transform_input",
    "TransformOutput": "transform_output",
    "BatchStrategy": "batch_strategy",
    "MaxPayloadInMB": "max_payload_in_mb",
    "MaxConcurrentTransforms": "max_concurrent_transforms",
    "DataProcessing": "data_processing",
    "ModelClientConfig": "model_client_config",
}


def plug_in(cloud: Cloud) -> None:
    """Run transform jobs instead of declaring them completed."""
    jobs: dict[str, TransformJob] = {}
    creating = threading.Lock()
    initialise, create = FakeTransformJob.__init__, SageMakerResponse.create_transform_job

    def begin(record: Any, **values: Any) -> None:
        initialise(record, **values)
        record.transform_job_status = "InProgress"
        record.failure_reason = record.labeling_job_arn = record.auto_ml_job_arn = None
        record.transform_start_time = record.transform_end_time = None

    def create_transform_job(response: Any) -> ActionResult:
        name, model_name = (response._get_param(key) for key in ("TransformJobName", "ModelName"))
        backend = response.sagemaker_backend
        check_name(name)
        settings = TransformSettings.read({key: response._get_param(key) for key in REQUEST})
        with creating:
            if name in backend.transform_jobs:
                raise name_taken(backend.transform_jobs[name].arn)
            if model_name not in backend._models:
                raise MissingModel(model_name)
            model = backend._models[model_name]
            if model.containers:
                raise invalid(f"Model {model_name} is made of several containers; the local cloud runs one.")
            definition = definition_of(backend, model.primary_container)
            answer: ActionResult = create(response)
            jobs[name] = TransformJob(
                cloud,
                backend.transform_jobs[name],
                model.execution_role_arn,
                model.vpc_config,
                definition,
                settings,
            )
        jobs[name].start()
        return answer

    def make(kept: dict[str, Any]) -> TransformJob:
        record = record_of(FakeTransformJob, kept["record"])
        backend: Any = sagemaker_backends[cloud.account_id][cloud.region]
        backend.transform_jobs[record.transform_job_name] = record
        settings = TransformSettings.read({key: getattr(record, name) for key, name in REQUEST.items()})
        definition = Definition(**kept["definition"])
        return TransformJob(cloud, record, kept["role"], kept["network"], definition, settings)

    cloud.keep("sagemaker transform jobs", Jobs(cloud, "transform", jobs, make))
    cloud.patch(FakeTransformJob, "__init__", begin)
    cloud.patch(SageMakerResponse, "create_transform_job", create_transform_job)
    plug_in_stop(cloud, "Transform", jobs)
