"""The model's container of a transform job: a model server of its own, and the requests sent to it."""

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import urllib3

from localcloud.core.cloud import Cloud
from localcloud.core.processes import end_process, read_lines
from localcloud.logs import LogStream
from localcloud.sagemaker.errors import JobFailed, JobStopped, ObjectFailed
from localcloud.sagemaker.jobs import LOG_SECONDS
from localcloud.sagemaker.transform import serving
from localcloud.sagemaker.transform.settings import TransformSettings

STARTING_SECONDS = 1_800.0  # how long SageMaker waits for a container's health check, as users report it
RETRY_SECONDS = 0.2  # before the first repetition of a request; twice as long before each other one


class Container:
    """One model server; `stop` is the event that ends its job."""

    def __init__(self, cloud: Cloud, settings: TransformSettings, stop: threading.Event) -> None:
        self._cloud = cloud
        self._settings = settings
        self._stop = stop
        self._child: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._pool: urllib3.HTTPConnectionPool | None = None

    def start(self, model: Path, environment: Mapping[str, str], log: LogStream) -> None:
        """Start the server on an unpacked artifact, and wait until it is healthy.

        Raise JobFailed when it ends before, or isn't healthy in half an hour.
        """
        port_file = model.with_name("port")
        command: list[str | Path] = [sys.executable, "-P", serving.__file__, model, port_file]
        child = self._child = self._cloud.run(command, env=environment, cwd=model)
        self._reader = self._cloud.spawn(lambda: read_lines(child, log.write), "model-server-log")
        deadline = time.monotonic() + STARTING_SECONDS
        while not port_file.exists():
            if child.poll() is not None:
                self._reader.join(LOG_SECONDS)
                self._raise_if_stopped()
                last = log.tail().rpartition("\n")[2]
                raise JobFailed(
                    f"AlgorithmError: The model server ended with exit code {child.returncode} before it was "
                    f"healthy: {last}. See job logs for more information"
                )
            if time.monotonic() > deadline:
                raise JobFailed("AlgorithmError: The model server was not healthy in time. See job logs")
            self._stop.wait(0.02)
            self._raise_if_stopped()
        self._pool = pool = urllib3.HTTPConnectionPool(
            "127.0.0.1",
            int(port_file.read_text(encoding="ascii")),
            maxsize=self._settings.concurrency,
            timeout=self._settings.timeout,
            retries=False,
        )
        try:
            status = pool.request("GET", "/ping").status
        except urllib3.exceptions.HTTPError as error:
            raise JobFailed(f"AlgorithmError: The model server does not answer /ping: {error}") from error
        if status != 200:
            raise JobFailed(f"AlgorithmError: The model server answers /ping with {status}, expected 200")

    def invoke(self, body: bytes) -> bytes:
        """Send one request, again after a time-out or a status from 500 on, and return the answer.

        Raise ObjectFailed when the server refuses the request, or hasn't answered 200 in the last attempt.
        """
        child, pool = self._child, self._pool
        if child is None or pool is None:
            raise TypeError("the model server was never started")
        reason = ""
        for attempt in range(self._settings.retries + 1):
            if attempt:
                self._stop.wait(RETRY_SECONDS * 2 ** (attempt - 1))
            self._raise_if_stopped()
            if child.poll() is not None:
                reason = f"The model server ended with exit code {child.returncode}"
                break
            try:
                answer = pool.request("POST", "/invocations", body=body, headers=self._settings.headers)
            except urllib3.exceptions.HTTPError as error:
                reason = f"The model server did not answer: {error}"
                continue
            if answer.status == 200:
                return answer.data
            message = answer.data.decode(errors="replace")
            reason = f"Bad HTTP status received from algorithm: {answer.status}. Message: {message}"
            if 400 <= answer.status < 500:
                raise ObjectFailed(reason)
        self._raise_if_stopped()
        raise ObjectFailed(reason, "AlgorithmError")

    def end(self) -> None:
        """End the server; safe to repeat, and before `start`."""
        if self._child is not None and self._child.poll() is None:
            end_process(self._child, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(1.0)
            end_process(self._child, signal.SIGKILL)
            self._child.wait()
        if self._reader is not None:
            self._reader.join(LOG_SECONDS)

    def _raise_if_stopped(self) -> None:
        if self._stop.is_set() or self._cloud.stopping.is_set():
            raise JobStopped
