"""The names that stacks gave, as they are kept from one cloud to the next, and which stacks there were.

A stack itself isn't kept: it is deployed again, and then its resources have the names that they had.
"""

from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.models import cloudformation_backends
from moto.s3.models import s3_backends

from localcloud.cloudformation.statuses import ONLY_TO_DELETE
from localcloud.core.cloud import Cloud
from localcloud.core.keeping import Contents, Part


def stacks(cloud: Cloud) -> list[Any]:
    """Moto's records of all stacks."""
    return list(cloudformation_backends[cloud.account_id][cloud.region].stacks.values())


def resources(cloud: Cloud) -> list[Any]:
    """The resources of all stacks."""
    return [made for stack in stacks(cloud) for made in list(stack.resource_map._parsed_resources.values())]


def is_of_a_stack(cloud: Cloud, resource: Any) -> bool:
    """Whether a stack made a resource, which then comes back with it."""
    return any(made is resource for made in resources(cloud))


class Names(Part):
    """A resource that a stack names gets the name that it had, unless that is taken."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._names: dict[str, str] = {}  # stack/logical id → the resource's name
        self._former: dict[str, str] = {}
        self._awaited: list[str] = []  # the stacks that have to be deployed again
        self._name: Any = cloud.patch(parsing, "generate_resource_name", self._name_of)

    def save(self, contents: Contents) -> dict[str, Any]:  # noqa: ARG002 - it has no contents
        """The names, and the stacks that are deployed, or were and are awaited."""
        return {"names": self._former | self._names, "stacks": sorted({*self._awaited, *self._deployed()})}

    def restore(self, kept: Any, contents: Contents) -> None:  # noqa: ARG002 - it has no contents
        """Take the names, and await the stacks."""
        self._former, self._awaited = kept["names"], kept["stacks"]

    def ready(self) -> bool:
        """Whether the stacks that there were are deployed again."""
        deployed = self._deployed()
        self._awaited = [name for name in self._awaited if name not in deployed]
        return not self._awaited

    def _deployed(self) -> set[str]:
        return {
            stack.name
            for stack in stacks(self._cloud)
            if stack.status.endswith("_COMPLETE") and stack.status not in ONLY_TO_DELETE
        }

    def _name_of(self, resource_type: str, stack_name: str, logical_id: str) -> str:
        place = f"{stack_name}/{logical_id}"
        former = self._former.get(place)
        if former is None or self._is_taken(former):
            former = str(self._name(resource_type, stack_name, logical_id))
        self._names[place] = former
        return former

    def _is_taken(self, name: str) -> bool:
        """Whether a resource of a stack, or a bucket that outlived its stack, has a name."""
        identifiers = [str(getattr(made, "physical_resource_id", "")) for made in resources(self._cloud)]
        return name in s3_backends[self._cloud.account_id]["aws"].buckets or any(
            identifier.endswith(name) for identifier in identifiers
        )
