"""The asynchronous invocations that haven't ended, as they are kept from one cloud to the next."""

from typing import Any, Protocol

from moto.awslambda.models import lambda_backends

from localcloud.core.cloud import Cloud
from localcloud.core.keeping import Contents, Part


class Functions(Protocol):
    """Where asynchronous invocations run."""

    asynchronous: dict[str, tuple[str, bytes]]

    def start_asynchronously(self, function: Any, event: bytes) -> None:
        """Accept an event for a function."""


class Invocations(Part):
    """An invocation that was under way is begun again, with all its attempts."""

    def __init__(self, cloud: Cloud, functions: Functions) -> None:
        self._cloud = cloud
        self._functions = functions
        self._waiting: list[list[Any]] = []  # function and event

    def save(self, contents: Contents) -> list[list[Any]]:  # noqa: ARG002 - it has no contents
        """Function and event of each, in the order in which they came."""
        return [*self._waiting, *map(list, list(self._functions.asynchronous.values()))]

    def restore(self, kept: Any, contents: Contents) -> None:  # noqa: ARG002 - it has no contents
        """Take them; their functions aren't there yet."""
        self._waiting = kept

    def resume(self) -> None:
        """Invoke the functions; what is for a function that is no more is kept on."""
        backend, waiting = lambda_backends[self._cloud.account_id][self._cloud.region], self._waiting
        there = {function.function_name for function in backend.list_functions()}
        self._waiting = [each for each in waiting if each[0] not in there]
        for name, event in waiting:
            if name in there:
                self._functions.start_asynchronously(backend.get_function(name), event)

    def unfinished(self) -> dict[str, int]:
        """Invocations."""
        return {"invocation": len(self._waiting) + len(self._functions.asynchronous)}
