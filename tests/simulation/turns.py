"""Deliveries that take turns request by request: each in a thread of its own, of which one runs at a time."""

import threading
from collections.abc import Callable
from typing import Any

from tests.simulation.faults import CrashError
from tests.simulation.world import CONTEXT, World


class Delivery(threading.Thread):
    """One delivery of a message. It stops before each of its requests, until it is let on."""

    def __init__(self, handler: Callable[[Any, Any], None], event: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        self._handler, self._event = handler, event
        self._stopped, self._onward = threading.Semaphore(0), threading.Semaphore(0)
        self._killed = False
        self.done, self.error = False, None
        self.made: list[str] = []  # its requests
        self.start()
        self._stopped.acquire()

    error: BaseException | None

    def run(self) -> None:
        """Handle the message, as Lambda does."""
        try:
            self._handler(self._event, CONTEXT)
        except (Exception, CrashError) as error:  # noqa: BLE001 (as Lambda does)
            self.error = error
        self.done = True
        self._stopped.release()

    def before_request(self, operation: str) -> None:
        """Called in the delivery's thread."""
        self._stopped.release()
        self._onward.acquire()
        if self._killed:
            raise CrashError
        self.made.append(operation)

    def make(self, requests: int) -> None:
        """Let it make so many of its requests."""
        for _ in range(requests):
            if self.done:
                return
            self._onward.release()
            self._stopped.acquire()

    def finish(self) -> None:
        """Let it go on to its end."""
        while not self.done:
            self.make(1)

    def kill(self) -> None:
        """The function's sandbox is gone: no more of it runs."""
        self._killed = True
        self.make(1)


def take_turns(world: World) -> None:
    """From now on requests of deliveries wait to be let on; all others are made at once."""

    def request(operation: str, effect: Callable[[], Any]) -> Any:
        delivery = threading.current_thread()
        if isinstance(delivery, Delivery):
            delivery.before_request(operation)
        return effect()

    vars(world)["request"] = request
