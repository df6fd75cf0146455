"""moto still has what the local cloud replaces, and what it calls from inside."""

import inspect
from importlib import import_module
from typing import Any

import pytest
from moto.sagemaker.models import SageMakerModelBackend

from local.cloud import Cloud
from local.patches import ABSENT

ADDED = {
    "delete_model_package_group",
    "list_training_jobs_for_hyper_parameter_tuning_job",
    "stop_hyper_parameter_tuning_job",
    "stop_training_job",
    "stop_transform_job",
}
# private names that are called, not replaced: a module, and what is looked for in it
PRIVATE = {
    "moto.cloudformation.models": (
        "CloudFormationBackend._resolve_update_parameters",
        "Stack._add_stack_event",
        "Stack._create_output_map",
        "Stack._parse_template",
    ),
    "moto.cloudformation.parsing": (
        "ResourceMap._delete_resource",
        "get_model_list.cache_clear",
        "get_model_map.cache_clear",
        "get_name_type_map.cache_clear",
    ),
    "moto.core.responses": ("BaseResponse._get_param",),
    "moto.logs.models": ("LogsBackend.ensure_log_group", "LogsBackend.ensure_log_stream"),
}


def binds(function: Any, *by_place: str, **by_name: None) -> bool:
    """Whether a function can be called so."""
    try:
        inspect.signature(function).bind(*by_place, **by_name)
    except TypeError:
        return False
    return True


def test_a_replacement_takes_what_its_original_takes() -> None:
    """Every replacement can be called with its original's parameters, by place or by name."""
    with Cloud() as cloud:
        assert len(cloud._patches.made) > 20
        for owner, name, kept in cloud._patches.made:
            where = f"{getattr(owner, '__qualname__', owner)}.{name}"
            original = next(
                (vars(base)[name] for base in getattr(owner, "__mro__", ())[1:] if name in vars(base)), None
            )
            original = original if kept is ABSENT else kept
            if original is None:
                assert name in ADDED, where
                continue
            parameters = inspect.signature(original).parameters.values()
            names = [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
            owned = int(inspect.isclass(owner))  # its instance comes first, by place
            replacement = getattr(owner, name)
            assert binds(replacement, *names) or binds(
                replacement, *names[:owned], **dict.fromkeys(names[owned:])
            ), where


@pytest.mark.parametrize(("module", "path"), [(name, path) for name in PRIVATE for path in PRIVATE[name]])
def test_a_private_name_is_there(module: str, path: str) -> None:
    """What the local cloud calls of moto's inside can be called."""
    found: Any = import_module(module)
    for name in path.split("."):
        found = getattr(found, name)
    assert callable(found)


def test_moto_keeps_sagemakers_records_where_they_are_looked_for() -> None:
    """The collections of an account are there, empty."""
    account = SageMakerModelBackend("us-east-1", "123456789012")
    jobs = (account.training_jobs, account.transform_jobs, account.hyper_parameter_tuning_jobs)
    assert (*jobs, account._models) == ({}, {}, {}, {})
    assert (account.model_packages, account.model_package_groups) == ({}, {})
