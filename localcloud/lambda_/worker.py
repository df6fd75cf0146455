"""Runs a deployed function's zip in a process of its own, which sees only what Lambda shows it.

That is the zip, AWS's own runtime client and boto3 with its dependencies, under the interpreter without this
environment's other packages.
"""

import subprocess
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localcloud.core.cloud import Cloud
from localcloud.core.processes import end_process, read_lines
from localcloud.iam.roles import role_environment
from localcloud.lambda_.runtime_api import Invocation, RuntimeApi, error_body
from localcloud.lambda_.sandbox import command, link_provided, unpack
from localcloud.logs import LogStream

INIT_SECONDS = 60.0  # Lambda allows 10 s; a busy laptop may need more
LAST_LINES_SECONDS = 5.0  # how long an exit waits for the last lines that the process has printed


@dataclass(frozen=True)
class _Child:
    """A worker's child, the API that it asks, and the thread that logs what it prints."""

    program: subprocess.Popen[str]
    api: RuntimeApi
    watcher: threading.Thread


class Worker:
    """One warm execution environment of a function, as it was configured when the worker was made."""

    def __init__(self, cloud: Cloud, function: Any) -> None:
        self.cloud = cloud
        self.name: str = function.function_name
        self.handler: str = function.handler
        self.timeout = float(function.timeout)
        self.fingerprint = fingerprint(function)
        stream = f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{uuid.uuid4().hex}"
        self._log = LogStream(cloud, function.logs_group_name, stream, self.name)
        self._arn: str = function.function_arn
        self._code = unpack(function, cloud.folder / "functions")
        self._environment = self._make_environment(function)
        self._child: _Child | None = None

    def invoke(self, invocation: Invocation) -> None:
        """Run one event to its end: a result, an error, a time-out, or the child's exit."""
        self._log.write(f"START RequestId: {invocation.request_id} Version: $LATEST")
        if self._child is None or self._child.program.poll() is not None:
            self.close()
            self._child = self._start()
        child, started = self._child, time.monotonic()
        limit, running = INIT_SECONDS, False
        child.api.offer(invocation)
        while not invocation.done.wait(0.02):
            if invocation.fetched.is_set() and not running:
                limit, running, started = self.timeout, True, time.monotonic()
            if child.program.poll() is not None:
                end_process(child.program)  # what it has started and left behind keeps its output open
                child.watcher.join(LAST_LINES_SECONDS)
                self._report_exit(invocation, child.program.returncode)
            elif time.monotonic() > started + limit:
                self._report_time_out(invocation, limit)
        seconds = time.monotonic() - started
        if invocation.broke_child or not invocation.fetched.is_set():  # it can't be used again
            self.close()
        self._log.write(f"END RequestId: {invocation.request_id}")
        self._log.write(f"REPORT RequestId: {invocation.request_id}\tDuration: {seconds * 1000:.2f} ms")

    def tail(self) -> str:
        """The last lines of the log."""
        return self._log.tail()

    def close(self) -> None:
        """End the child and its runtime API."""
        if self._child is not None:
            end_process(self._child.program)
            self._child.program.wait()
            self._child.api.close()
            self._child = None

    def _report_time_out(self, invocation: Invocation, seconds: float) -> None:
        message = f"Task timed out after {seconds:.2f} seconds"
        self._log.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z {invocation.request_id} {message}")
        self._break(invocation, "Sandbox.Timedout", message)

    def _report_exit(self, invocation: Invocation, code: int) -> None:
        how = f"exit status {code}" if code >= 0 else f"signal {-code}"
        self._break(invocation, "Runtime.ExitError", f"Runtime exited with error: {how}")

    def _break(self, invocation: Invocation, kind: str, message: str) -> None:
        invocation.broke_child = True
        invocation.fail(error_body(kind, f"RequestId: {invocation.request_id} Error: {message}"))

    def _start(self) -> _Child:
        api = RuntimeApi(self._arn, self.timeout)
        environment = {**self._environment, "AWS_LAMBDA_RUNTIME_API": api.address}
        try:
            program = self.cloud.run(command(self.handler), env=environment, cwd=self._code)
        except BaseException:
            api.close()
            raise
        watcher = self.cloud.spawn(lambda: read_lines(program, self._log.write), f"{self.name} log")
        return _Child(program, api, watcher)

    def _make_environment(self, function: Any) -> dict[str, str]:
        """Lambda's own names can't be overridden.

        https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
        """
        provided = link_provided(self.cloud.folder / "runtime")
        return {
            **function.environment_vars,
            **role_environment(self.cloud, function.role, function.function_name, "lambda.amazonaws.com"),
            "_HANDLER": function.handler,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_FORMAT": _log_format(function),
            "AWS_LAMBDA_LOG_GROUP_NAME": self._log.group,
            "AWS_LAMBDA_LOG_STREAM_NAME": self._log.stream,
            "LAMBDA_TASK_ROOT": str(self._code),
            "PYTHONPATH": f"{self._code}:{provided}",
            "PYTHONUNBUFFERED": "1",
        }


def fingerprint(function: Any) -> tuple[Any, ...]:
    """All that a worker depends on; when it changes, a new worker is needed."""
    return (
        function.code_sha_256,
        function.handler,
        function.memory_size,
        function.timeout,
        function.role,
        function.run_time,
        function.logs_group_name,
        _log_format(function),
        tuple(sorted(function.environment_vars.items())),
    )


def _log_format(function: Any) -> str:
    """`Text` or `JSON`; moto's functions have none unless a template gave it."""
    return str(getattr(function, "log_format", "Text"))
