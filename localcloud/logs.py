"""CloudWatch Logs: what functions and jobs print."""

import threading
import time
from collections import deque

from moto.logs.models import logs_backends

from localcloud.cloudwatch import publish_printed
from localcloud.core.cloud import Cloud

TAIL_LINES = 40
_lock = threading.Lock()  # moto's logs aren't thread-safe


class LogStream:
    """A stream of a log group, for the function or job `name`; both are made again when they are deleted."""

    def __init__(self, cloud: Cloud, group: str, stream: str, name: str) -> None:
        self.group = group
        self.stream = stream
        self._cloud = cloud
        self._name = name
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._backend = logs_backends[cloud.account_id][cloud.region]
        with _lock:
            self._make()

    def write(self, line: str) -> None:
        """Keep one line, with the time of this call, and show it to the listener; empty lines are skipped.

        The metrics of a line in the embedded metric format are published.
        """
        text = line.rstrip()
        if not text:
            return
        event = {"timestamp": int(time.time() * 1000), "message": text}
        with _lock:
            self._make()
            self._tail.append(text)
            self._backend.put_log_events(self.group, self.stream, [event])
            publish_printed(self._cloud, text)
        self._cloud.log_activity("log", self._name, text)

    def tail(self) -> str:
        """Return the last lines, at most 40."""
        with _lock:
            return "\n".join(self._tail)

    def _make(self) -> None:
        self._backend.ensure_log_group(self.group)
        self._backend.ensure_log_stream(self.group, self.stream)
