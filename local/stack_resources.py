"""One resource of a stack: made, changed or deleted, with what moto drops put right and its stack events."""

from typing import Any

from botocore.exceptions import ClientError
from moto.cloudformation import models, parsing
from moto.cloudformation.exceptions import UnformattedGetAttTemplateException
from moto.core.exceptions import ServiceException
from werkzeug.exceptions import HTTPException

from local import resources as resources  # its classes are what moto looks for
from local.cloud import Cloud, CloudError
from local.completions import COMPLETE_IN_PLACE, COMPLETIONS
from local.interpreter import MisfitError

# What making a resource may raise: an API's refusal, moto's, ours, or a property that is absent or malformed.
REFUSALS = (
    ClientError,
    ServiceException,
    HTTPException,
    CloudError,
    MisfitError,
    UnformattedGetAttTemplateException,
    LookupError,
    TypeError,
    ValueError,
)


class ResourceError(Exception):
    """A resource of a stack could not be made, changed or deleted."""


class StackResources:
    """Makes, changes and deletes the resources of all stacks; a resource map is moto's view of one stack."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.resolved: dict[tuple[str, str], Any] = {}  # (stack id, logical id) → the resource's properties
        self._create_resource: Any = cloud.patch(parsing, "parse_and_create_resource", self.create)
        self._clean_json: Any = cloud.patch(parsing, "clean_json", self.clean_json)
        for cached in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
            cached.cache_clear()  # moto lists its types once; ours came with the import of `resources`

    def create(
        self,
        logical_id: str,
        resource_json: dict[str, Any],
        resource_map: Any,
        account_id: str,
        region_name: str,
    ) -> Any:
        """Make one new resource, complete it and write its events; None when its condition is false."""
        condition = resource_json.get("Condition")
        if condition and not resource_map.lazy_condition_map[condition]:
            return None
        kind = resource_json["Type"]
        self._event(resource_map, logical_id, kind, "CREATE_IN_PROGRESS")
        try:
            resource = self._create_resource(logical_id, resource_json, resource_map, account_id, region_name)
            resolved = self._resolve(resource_json, resource_map)
            self._complete(kind, resource, resolved)
        except REFUSALS as error:
            raise self._refused(resource_map, logical_id, kind, "CREATE_FAILED", error) from error
        self.resolved[resource_map.stack_id, logical_id] = resolved
        self._event(resource_map, logical_id, kind, "CREATE_COMPLETE")
        return resource

    def clean_json(self, value: Any, resource_map: Any) -> Any:
        """Resolve references; an item of a list that is AWS::NoValue is left out, as CloudFormation does."""
        cleaned = self._clean_json(value, resource_map)
        return [item for item in cleaned if item is not None] if isinstance(value, list) else cleaned

    def bring_up_to_date(self, resource_map: Any, logical_id: str) -> bool:
        """Make or change one resource; False when it was already as it should be."""
        resource_json = resource_map._resource_json_map[logical_id]
        kind = resource_json["Type"]
        made = resource_map._parsed_resources
        if logical_id not in made:
            resource_map[logical_id]
            return True
        try:
            resolved = self._resolve(resource_json, resource_map)
            if resolved == self.resolved[resource_map.stack_id, logical_id]:
                return False
            self._event(resource_map, logical_id, kind, "UPDATE_IN_PROGRESS")
            made[logical_id] = self._change(resource_map, logical_id, kind, resolved)
        except REFUSALS as error:
            raise self._refused(resource_map, logical_id, kind, "UPDATE_FAILED", error) from error
        self.resolved[resource_map.stack_id, logical_id] = resolved
        self._event(resource_map, logical_id, kind, "UPDATE_COMPLETE")
        return True

    def _change(self, resource_map: Any, logical_id: str, kind: str, properties: dict[str, Any]) -> Any:
        """Change a resource in place, or replace it when its name or type changes or moto can't change it."""
        original = resource_map._parsed_resources[logical_id]
        resource_class = parsing.resource_class_from_type(kind)
        name_property = parsing.resource_name_property_from_type(kind)
        before = self.resolved[resource_map.stack_id, logical_id]
        renamed = bool(name_property) and before.get(str(name_property)) != properties.get(str(name_property))
        changeable = not hasattr(resource_class.update_from_cloudformation_json, "__isabstractmethod__")
        if original.cf_resource_type != kind or renamed or not (changeable or kind in COMPLETE_IN_PLACE):
            self.delete(resource_map, logical_id, {"Type": original.cf_resource_type, "Properties": before})
            return resource_map[logical_id]
        changed = original
        if kind not in COMPLETE_IN_PLACE:
            name = getattr(original, "function_name", None) or getattr(original, "name", None)
            changed = resource_class.update_from_cloudformation_json(
                original_resource=original,
                new_resource_name=name or original.physical_resource_id,
                cloudformation_json={"Type": kind, "Properties": dict(properties)},
                account_id=self.cloud.account_id,
                region_name=self.cloud.region,
            )
        changed.cf_resource_type, changed.logical_resource_id = kind, logical_id
        self._complete(kind, changed, properties)
        return changed

    def delete(self, resource_map: Any, logical_id: str, resource_json: dict[str, Any]) -> None:
        """Delete one resource, or let go of one whose DeletionPolicy is to retain it."""
        resource = resource_map._parsed_resources.pop(logical_id)
        kind = resource_json["Type"]
        if str(resource_json.get("DeletionPolicy", "")).startswith("Retain"):
            self._event(resource_map, logical_id, kind, "DELETE_SKIPPED")
            return
        try:
            resource_map._delete_resource(resource, {"Properties": {}, **resource_json})
        except REFUSALS as error:
            raise self._refused(resource_map, logical_id, kind, "DELETE_FAILED", error) from error
        self._event(resource_map, logical_id, kind, "DELETE_COMPLETE")

    def _complete(self, kind: str, resource: Any, properties: dict[str, Any]) -> None:
        if kind in COMPLETIONS:
            COMPLETIONS[kind](self.cloud, resource, properties)

    def _resolve(self, resource_json: dict[str, Any], resource_map: Any) -> dict[str, Any]:
        resolved: dict[str, Any] = self.clean_json(resource_json.get("Properties", {}), resource_map)
        return resolved

    def _refused(
        self, resource_map: Any, logical_id: str, kind: str, status: str, error: BaseException
    ) -> ResourceError:
        reason = getattr(error, "message", None) or f"{error}" or type(error).__name__
        if isinstance(error, LookupError | TypeError):
            reason = f"the property {reason} is missing or malformed ({type(error).__name__})"
        self._event(resource_map, logical_id, kind, status, reason)
        return ResourceError(f"{logical_id} ({kind}): {reason}")

    def _event(
        self, resource_map: Any, logical_id: str, kind: str, status: str, reason: str | None = None
    ) -> None:
        stack = models.cloudformation_backends[self.cloud.account_id][self.cloud.region].get_stack(
            resource_map.stack_id
        )
        resource = resource_map._parsed_resources.get(logical_id)
        event = models.Event(
            stack_id=stack.stack_id,
            stack_name=stack.name,
            logical_resource_id=logical_id,
            physical_resource_id=getattr(resource, "physical_resource_id", ""),
            resource_type=kind,
            resource_status=status,
            resource_status_reason=reason,
            resource_properties=None,
        )
        stack.events.append(event)
        self.cloud.tell("stack", stack.name, f"{logical_id} {status}" + (f": {reason}" if reason else ""))
