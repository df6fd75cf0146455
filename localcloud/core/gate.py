"""Lets the account change at any time, except while all of it is looked at, as it is at one moment."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Many threads change the account at once; one that looks at it waits until nobody does.

    `changes` counts those that have been made: what hasn't changed needn't be looked at again.
    """

    def __init__(self) -> None:
        self.changes = 0
        self._inside = 0
        self._closed = False
        self._condition = threading.Condition()
        self._depth = threading.local()

    @contextmanager
    def change(self) -> Iterator[None]:
        """Change something; one change may be made within another of the same thread."""
        depth = getattr(self._depth, "value", 0)
        if not depth:
            self._enter()
        self._depth.value = depth + 1
        try:
            yield
        finally:
            self._depth.value = depth
            if not depth:
                self._leave()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Within a change, wait for others, and change nothing meanwhile."""
        depth = getattr(self._depth, "value", 0)
        if not depth:
            yield
            return
        self._depth.value = 0
        self._leave()
        try:
            yield
        finally:
            self._enter()
            self._depth.value = depth

    @contextmanager
    def closed(self, seconds: float) -> Iterator[bool]:
        """Wait until nobody changes anything, and let nobody begin; False when it took too long.

        A change that waits for another one of another thread, as a request that sends a request, is why it
        can take too long: then both go on, and it can be tried again later.
        """
        with self._condition:
            self._closed = True
            quiet = self._condition.wait_for(lambda: not self._inside, seconds)
            if not quiet:
                self._open()
        try:
            yield quiet
        finally:
            with self._condition:
                self._open()

    def _open(self) -> None:
        self._closed = False
        self._condition.notify_all()

    def _enter(self) -> None:
        with self._condition:
            self._condition.wait_for(lambda: not self._closed)
            self._inside += 1

    def _leave(self) -> None:
        with self._condition:
            self._inside -= 1
            self.changes += 1
            self._condition.notify_all()
