"""moto still has the names that the local cloud replaces and the private names that it calls."""

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from moto.s3.models import FakeDeleteMarker, FakeKey
from moto.sagemaker.models import SageMakerModelBackend
from moto.sns.models import SNSBackend, Subscription

from localcloud.assembly import local_cloud
from localcloud.core.patches import ABSENT

ADDED = {
    "delete_model_package_group",
    "list_training_jobs_for_hyper_parameter_tuning_job",
    "stop_hyper_parameter_tuning_job",
    "stop_training_job",
    "stop_transform_job",
}
# private names that are called, not replaced, by module
PRIVATE = {
    "moto.cloudformation.models": (
        "CloudFormationBackend._resolve_update_parameters",
        "CloudFormationBackend._validate_export_uniqueness",
        "Stack._add_stack_event",
        "Stack._create_output_map",
        "Stack._parse_template",
    ),
    "moto.cloudformation.parsing": (
        "ResourceMap._delete_resource",
        "ResourceMap.load_conditions",
        "ResourceMap.load_parameters",
        "get_model_list.cache_clear",
        "get_model_map.cache_clear",
        "get_name_type_map.cache_clear",
    ),
    "moto.core.responses": ("BaseResponse._get_action", "BaseResponse._get_param", "BaseResponse.serialized"),
    "moto.sts.models": ("STSBackend.get_assumed_role_from_access_key",),
    "moto.logs.models": ("LogsBackend.ensure_log_group", "LogsBackend.ensure_log_stream"),
}


def binds(function: Any, *by_place: str, **by_name: None) -> bool:
    """Whether a function can be called so."""
    try:
        inspect.signature(function).bind(*by_place, **by_name)
    except TypeError:
        return False
    return True


def called(attribute: Any) -> Any:
    """The function behind an attribute, which may be a property."""
    return attribute.fget if isinstance(attribute, property) else attribute


def test_a_replacement_takes_what_its_original_takes(tmp_path: Path) -> None:
    """Every replacement can be called with its original's parameters, by place or by name."""
    with local_cloud(state=tmp_path) as cloud:
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
            parameters = inspect.signature(called(original)).parameters.values()
            names = [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
            owned = int(inspect.isclass(owner))  # its instance comes first, by place
            replacement = called(getattr(owner, name))
            assert binds(replacement, *names) or binds(
                replacement, *names[:owned], **dict.fromkeys(names[owned:])
            ), where


@pytest.mark.parametrize(("module", "path"), [(name, path) for name in PRIVATE for path in PRIVATE[name]])
def test_a_private_name_is_there(module: str, path: str) -> None:
    """The private names of moto that the local cloud calls are callable."""
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


def test_moto_keeps_objects_and_subscriptions_as_they_are_read() -> None:
    """The attributes that are kept from one time to the next, and the filter of a subscription, are there."""
    key = FakeKey("key", b"content", "123456789012", "us-east-1", is_versioned=True, version_id="v1")
    marker = FakeDeleteMarker(key)
    assert (key.value, key._is_versioned, key.version_id, key.storage_class) == (
        b"content",
        True,
        "v1",
        "STANDARD",
    )
    assert key.etag == '"9a0364b9e99bb480dd25e1f0284c8555"'
    assert marker.version_id == marker._version_id
    topic = SNSBackend("us-east-1", "123456789012").create_topic("topic")
    assert Subscription("123456789012", topic, "a@b.org", "email")._filter_policy_matcher is None
