"""moto still has every name of its SageMaker that the local cloud replaces or calls from inside."""

import inspect
from collections.abc import Callable
from typing import Any

import moto.logs.models
import moto.sagemaker.models
import moto.sagemaker.responses
import pytest

MODELS = moto.sagemaker.models.SageMakerModelBackend
ACTIONS = moto.sagemaker.responses.SageMakerResponse
PACKAGE = {"client_token", "model_package_group_name", "model_approval_status"}
UPDATE = {
    "model_package_arn",
    "model_approval_status",
    "approval_description",
    "customer_metadata_properties",
}
HOOKS: list[tuple[Callable[..., Any], set[str]]] = [
    (moto.sagemaker.models.FakeTrainingJob.__init__, {"algorithm_specification"}),
    (moto.sagemaker.models.FakeTransformJob.__init__, set()),
    (MODELS.create_model, {"model_name", "execution_role_arn", "primary_container", "containers"}),
    (MODELS.create_model_package, PACKAGE),
    (MODELS.update_model_package, UPDATE),
    (MODELS.describe_model_package, {"model_package_name"}),
    (MODELS.describe_model_package_group, {"model_package_group_name"}),
    (MODELS.describe_training_job, {"training_job_name"}),
    (MODELS.describe_transform_job, {"transform_job_name"}),
    (ACTIONS.create_training_job, set()),
    (ACTIONS.create_transform_job, set()),
    (ACTIONS.list_training_jobs, set()),
    (ACTIONS.list_transform_jobs, set()),
    (ACTIONS._get_param, set()),
    (moto.logs.models.LogsBackend.ensure_log_group, {"log_group_name"}),
    (moto.logs.models.LogsBackend.ensure_log_stream, {"log_group_name", "log_stream_name"}),
    (moto.logs.models.LogsBackend.put_log_events, {"log_group_name", "log_stream_name", "log_events"}),
]


@pytest.mark.parametrize(
    ("hook", "parameters"), HOOKS, ids=lambda value: getattr(value, "__qualname__", None)
)
def test_a_hook_is_there(hook: Callable[..., Any], parameters: set[str]) -> None:
    """The function exists and takes the parameters that the local cloud names."""
    assert parameters <= set(inspect.signature(hook).parameters)


def test_moto_keeps_jobs_and_models_where_they_are_looked_for() -> None:
    """The collections of an account are there, empty."""
    account = MODELS("us-east-1", "123456789012")
    assert (account.training_jobs, account.transform_jobs, account._models, account.model_packages) == (
        {},
    ) * 4
