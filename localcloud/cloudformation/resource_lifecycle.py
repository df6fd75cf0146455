"""One resource of a stack: made, changed or deleted, with what moto drops completed, and its stack events."""

import contextlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from botocore.exceptions import ClientError
from moto.cloudformation import models, parsing

from localcloud.cloudformation.errors import ResourceError
from localcloud.cloudformation.moto_fixes import COMPLETE_IN_PLACE, COMPLETIONS, REMOVALS
from localcloud.cloudformation.refusals import is_refusal, moto_reads
from localcloud.cloudformation.shapes import refuse_malformed
from localcloud.core.cloud import Cloud


class _Former(NamedTuple):
    """A resource that another one has replaced, and its properties."""

    logical_id: str
    resource: Any
    properties: dict[str, Any]


class StackResources:
    """Makes, changes and deletes the resources of all stacks; a resource map is moto's view of one stack.

    A refusal becomes an event and a ResourceError. Any other error is a bug and goes on to who asked.
    """

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.resolved: dict[tuple[str, str], Any] = {}  # (stack id, logical id) → the resource's properties
        self._partly_changed: set[tuple[str, str]] = set()  # keys of `resolved` whose change has failed
        self._replaced: dict[str, list[_Former]] = {}  # stack id → what its current update has replaced
        self._create_resource: Any = cloud.patch(parsing, "parse_and_create_resource", self.create)

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
            resolved = self._resolve(resource_json, resource_map)
            with moto_reads():
                resource = self._create_resource(
                    logical_id, resource_json, resource_map, account_id, region_name
                )
            resource_map._parsed_resources[logical_id] = resource  # where a rollback finds it unfinished
            self._complete(kind, resource, resolved)
        except ResourceError:
            raise  # a resource that this one refers to has failed
        except Exception as error:
            if not is_refusal(error):
                raise
            raise self._refused(resource_map, logical_id, kind, "CREATE_FAILED", error) from error
        self.resolved[resource_map.stack_id, logical_id] = resolved
        self._event(resource_map, logical_id, kind, "CREATE_COMPLETE")
        return resource

    def bring_up_to_date(self, resource_map: Any, logical_id: str) -> bool:
        """Make or change one resource; False when it was up to date already."""
        resource_json = resource_map._resource_json_map[logical_id]
        kind = resource_json["Type"]
        made, key = resource_map._parsed_resources, (resource_map.stack_id, logical_id)
        if logical_id not in made:
            resource_map[logical_id]
            return True
        try:
            resolved = self._resolve(resource_json, resource_map)
            if resolved == self.resolved[key] and key not in self._partly_changed:
                return False
            self._event(resource_map, logical_id, kind, "UPDATE_IN_PROGRESS")
            made[logical_id] = self._change(resource_map, logical_id, kind, resolved)
        except ResourceError:
            raise
        except Exception as error:
            if not is_refusal(error):
                raise
            self._partly_changed.add(key)
            raise self._refused(resource_map, logical_id, kind, "UPDATE_FAILED", error) from error
        self._partly_changed.discard(key)
        self.resolved[key] = resolved
        self._event(resource_map, logical_id, kind, "UPDATE_COMPLETE")
        return True

    def _change(self, resource_map: Any, logical_id: str, kind: str, properties: dict[str, Any]) -> Any:
        """Change a resource in place, or make its successor: when its name changes, or moto can't change it.

        The former resource stays until `clean_up`.
        """
        original = resource_map._parsed_resources[logical_id]
        resource_class = parsing.resource_class_from_type(kind)
        name_property = parsing.resource_name_property_from_type(kind)
        before = self.resolved[resource_map.stack_id, logical_id]
        renamed = bool(name_property) and before.get(str(name_property)) != properties.get(str(name_property))
        changeable = not hasattr(resource_class.update_from_cloudformation_json, "__isabstractmethod__")
        if original.cf_resource_type != kind or renamed or not (changeable or kind in COMPLETE_IN_PLACE):
            replaced = self._replaced.setdefault(resource_map.stack_id, [])
            replaced.append(_Former(logical_id, original, before))
            resource_json = resource_map._resource_json_map[logical_id]
            return self.create(
                logical_id, resource_json, resource_map, self.cloud.account_id, self.cloud.region
            )
        changed = original
        if kind not in COMPLETE_IN_PLACE:
            name = getattr(original, "function_name", None) or getattr(original, "name", None)
            with moto_reads():
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

    def clean_up(self, resource_map: Any, gone: Mapping[str, Any], *, just_created: bool = False) -> None:
        """End an update: delete what is `gone` from the template and what has been replaced.

        A resource that can't be deleted stays behind, as in AWS; its event has the reason.
        """
        for logical_id in [name for name in reversed(resource_map._parsed_resources) if name in gone]:
            with contextlib.suppress(ResourceError):
                self.delete(resource_map, logical_id, gone[logical_id], just_created=just_created)
        for old in self._replaced.pop(resource_map.stack_id, []):
            keep = resource_map._resource_json_map[old.logical_id].get("UpdateReplacePolicy") == "Retain"
            with contextlib.suppress(ResourceError):
                self._remove(resource_map, old, keep=keep)

    def restore(self, resource_map: Any) -> None:
        """Undo an update's replacements: the new resources go, the former ones have their places again."""
        made = resource_map._parsed_resources
        for old in reversed(self._replaced.pop(resource_map.stack_id, [])):
            key = resource_map.stack_id, old.logical_id
            new = _Former(old.logical_id, made[old.logical_id], self.resolved[key])
            made[old.logical_id], self.resolved[key] = old.resource, old.properties
            if new.resource is not old.resource:
                policy = resource_map._resource_json_map[old.logical_id].get("DeletionPolicy")
                self._remove(resource_map, new, keep=policy == "Retain")

    def delete(
        self, resource_map: Any, logical_id: str, resource_json: dict[str, Any], *, just_created: bool
    ) -> None:
        """Delete one resource, or leave behind one that its DeletionPolicy retains.

        RetainExceptOnCreate retains nothing that is `just_created` by an operation that is rolled back.
        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
        """
        policy, made = resource_json.get("DeletionPolicy"), resource_map._parsed_resources
        keep = policy == "Retain" or (policy == "RetainExceptOnCreate" and not just_created)
        properties = self.resolved.get((resource_map.stack_id, logical_id), {})
        self._remove(resource_map, _Former(logical_id, made[logical_id], properties), keep=keep)
        del made[logical_id]

    def _remove(self, resource_map: Any, old: _Former, *, keep: bool) -> None:
        logical_id, resource = old.logical_id, old.resource
        kind = resource.cf_resource_type
        if keep:
            self._event(resource_map, logical_id, kind, "DELETE_SKIPPED", resource=resource)
            return
        try:
            if kind in REMOVALS:
                REMOVALS[kind](self.cloud, resource)
            else:
                with moto_reads():
                    resource_map._delete_resource(resource, {"Type": kind, "Properties": old.properties})
        except Exception as error:
            if not is_refusal(error):
                raise
            if not _is_missing(error):
                raise self._refused(resource_map, logical_id, kind, "DELETE_FAILED", error) from error
        self._event(resource_map, logical_id, kind, "DELETE_COMPLETE", resource=resource)

    def _complete(self, kind: str, resource: Any, properties: dict[str, Any]) -> None:
        if kind in COMPLETIONS:
            COMPLETIONS[kind](self.cloud, resource, properties)

    def _resolve(self, resource_json: dict[str, Any], resource_map: Any) -> dict[str, Any]:
        """A resource's properties without references, checked; resources that they refer to are made."""
        with moto_reads():
            resolved: dict[str, Any] = parsing.clean_json(resource_json.get("Properties", {}), resource_map)
        refuse_malformed(resource_json["Type"], resolved)
        return resolved

    def _refused(
        self, resource_map: Any, logical_id: str, kind: str, status: str, error: BaseException
    ) -> ResourceError:
        reason = getattr(error, "message", None) or f"{error}" or type(error).__name__
        self._event(resource_map, logical_id, kind, status, reason)
        return ResourceError(f"{logical_id} ({kind}): {reason}")

    def _event(
        self,
        resource_map: Any,
        logical_id: str,
        kind: str,
        status: str,
        reason: str | None = None,
        resource: Any = None,
    ) -> None:
        stack = models.cloudformation_backends[self.cloud.account_id][self.cloud.region].get_stack(
            resource_map.stack_id
        )
        resource = resource or resource_map._parsed_resources.get(logical_id)
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
        self.cloud.log_activity(
            "stack", stack.name, f"{logical_id} {status}" + (f": {reason}" if reason else "")
        )


def _is_missing(error: BaseException) -> bool:
    """Whether a deletion fails because there is nothing to delete, which CloudFormation takes for done."""
    if isinstance(error, ClientError):
        return bool(error.response["ResponseMetadata"]["HTTPStatusCode"] == 404)
    return getattr(error, "code", None) == 404
