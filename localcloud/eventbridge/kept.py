"""The events that haven't been delivered, as they are kept from one cloud to the next."""

from typing import Any

from localcloud.core.cloud import Cloud
from localcloud.core.keeping import Contents, Part


class Events(Part):
    """An event that was being delivered is delivered again to all its targets: at least once, as AWS does."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._waiting: list[dict[str, Any]] = []

    def save(self, contents: Contents) -> list[dict[str, Any]]:  # noqa: ARG002 - it has no contents
        """The events, in the order in which they came."""
        return [*self._waiting, *list(self._cloud.unrouted.values())]

    def restore(self, kept: Any, contents: Contents) -> None:  # noqa: ARG002 - it has no contents
        """Take the events; their rules aren't there yet."""
        self._waiting = kept

    def resume(self) -> None:
        """Route them."""
        waiting, self._waiting = self._waiting, []
        for event in waiting:
            self._cloud.route(event)

    def unfinished(self) -> dict[str, int]:
        """Events."""
        return {"undelivered event": len(self._waiting) + len(self._cloud.unrouted)}
