"""What a job's container prints, kept in CloudWatch Logs as SageMaker keeps it."""

import threading
import time
from collections import deque

from moto.logs.models import logs_backends

from local.cloud import Cloud

TAIL_LINES = 40
_lock = threading.Lock()  # moto's logs are not made for several threads


class JobLog:
    """A log stream `<job>/<stream>` in one of SageMaker's log groups.

    https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
    """

    def __init__(self, cloud: Cloud, group: str, job_name: str, stream: str) -> None:
        self._cloud = cloud
        self._group = group
        self._job_name = job_name
        self._stream = f"{job_name}/{stream}"
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._backend = logs_backends[cloud.account_id][cloud.region]
        with _lock:
            self._backend.ensure_log_group(group)
            self._backend.ensure_log_stream(group, self._stream)

    def write(self, line: str) -> None:
        """Keep one line, with the time of this call, and tell the cloud's listener; an empty line is none."""
        text = line.rstrip()
        if not text:
            return
        event = {"timestamp": int(time.time() * 1000), "message": text}
        with _lock:
            self._tail.append(text)
            self._backend.put_log_events(self._group, self._stream, [event])
        self._cloud.tell("log", self._job_name, text)

    def tail(self) -> str:
        """Return the last lines, at most 40."""
        with _lock:
            return "\n".join(self._tail)
