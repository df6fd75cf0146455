"""moto still has every name that the local cloud replaces or calls from inside."""

import inspect
from collections.abc import Callable
from typing import Any

import moto.awslambda.models
import moto.cloudformation.models
import moto.cloudformation.parsing
import moto.events.models
import moto.moto_server.threaded_moto_server
import moto.moto_server.werkzeug_app
import moto.s3.models
import moto.s3.notifications
import moto.sts.models
import pytest

HOOKS: list[tuple[Callable[..., Any], list[str]]] = [
    (moto.awslambda.models.LambdaFunction.invoke, ["self", "body", "request_headers", "response_headers"]),
    (moto.awslambda.models.LambdaBackend.create_event_source_mapping, ["self", "spec"]),
    (
        moto.awslambda.models.LambdaBackend.put_function_event_invoke_config,
        ["self", "function_name", "config"],
    ),
    (
        moto.cloudformation.models.CloudFormationBackend.create_stack,
        ["self", "name", "template", "parameters"],
    ),
    (
        moto.cloudformation.models.CloudFormationBackend.update_stack,
        ["self", "name", "template", "role_arn", "parameters", "tags"],
    ),
    (moto.cloudformation.models.CloudFormationBackend._resolve_update_parameters, ["self", "instance"]),
    (
        moto.cloudformation.parsing.parse_and_create_resource,
        ["logical_id", "resource_json", "resources_map", "account_id", "region_name"],
    ),
    (moto.cloudformation.parsing.clean_json, ["resource_json", "resources_map"]),
    (moto.cloudformation.parsing.resource_class_from_type, ["resource_type"]),
    (moto.cloudformation.parsing.resource_name_property_from_type, ["resource_type"]),
    (moto.cloudformation.parsing.ResourceMap._delete_resource, ["self", "parsed_resource", "resource_json"]),
    (moto.cloudformation.parsing.OutputMap.__init__, ["self", "resources", "template", "stack_id"]),
    (moto.events.models.EventsBackend.put_events, ["self", "events"]),
    (moto.events.models.EventPattern.matches_event, ["self", "event"]),
    (moto.s3.models.FakeBucket.get_permission, ["self", "action", "resource"]),
    (moto.s3.models.S3Backend.complete_multipart_upload, ["self", "bucket_name"]),
    (moto.s3.models.S3Backend.copy_object, ["self", "src_key"]),
    (moto.s3.notifications._send_event_bridge_message, ["account_id", "bucket", "event_name", "key"]),
    (
        moto.sts.models.STSBackend.assume_role,
        ["self", "region_name", "role_session_name", "role_arn", "policy", "duration", "external_id"],
    ),
    (moto.moto_server.threaded_moto_server.ThreadedMotoServer.get_host_and_port, ["self"]),
    (moto.moto_server.werkzeug_app.MotoRequestHandler.log_request, ["self"]),
]


@pytest.mark.parametrize(
    ("hook", "parameters"), HOOKS, ids=lambda value: getattr(value, "__qualname__", None)
)
def test_a_hook_is_there(hook: Callable[..., Any], parameters: list[str]) -> None:
    """The function exists and takes the parameters that the replacement takes."""
    assert list(inspect.signature(hook).parameters)[: len(parameters)] == parameters


def test_the_caches_of_resource_types_can_be_cleared() -> None:
    """The local cloud can make moto list its resource types again, which moto does once."""
    for cached in ("get_model_list", "get_model_map", "get_name_type_map"):
        getattr(moto.cloudformation.parsing, cached).cache_clear()
        assert getattr(moto.cloudformation.parsing, cached)()
