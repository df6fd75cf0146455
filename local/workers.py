"""Runs a deployed function's zip in a child of its own, which sees what Lambda shows it and no more.

That is the zip, AWS's own runtime client and boto3 with its dependencies, under the interpreter without this
environment's other packages (https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html).
"""

import io
import subprocess
import sys
import threading
import time
import uuid
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from moto.logs.models import logs_backends

from local.children import end_child
from local.cloud import Cloud
from local.runtime_api import Invocation, RuntimeApi, error_body

# What a managed Python runtime holds; the first few are boto3 and what it needs.
PROVIDED = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "urllib3", "six")
RUNTIME_CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")
INIT_SECONDS = 60.0  # Lambda allows 10 s; a busy laptop may need more
LOG_LOCK = threading.Lock()  # moto's logs are not made for several threads


def runtime_client_works() -> bool:
    """Whether awslambdaric and its compiled part are installed; they aren't on macOS."""
    return find_spec("awslambdaric") is not None and find_spec("runtime_client") is not None


def link_provided(folder: Path) -> Path:
    """Fill `folder` with links to the packages that Lambda provides, unless that has been done; return it."""
    if folder.exists():
        return folder
    folder.mkdir(parents=True)
    for name in PROVIDED + (RUNTIME_CLIENT if runtime_client_works() else ()):
        try:
            found = distribution(name)
        except PackageNotFoundError as error:
            raise RuntimeError(
                f"Lambda provides the package {name}, but it is not installed here. Install boto3 and, "
                "on Linux, awslambdaric."
            ) from error
        for top in {
            file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")
        }:
            (folder / top).symlink_to(Path(str(found.locate_file(top))).resolve())
    return folder


def command(handler: str) -> list[str]:
    """The program of a worker: AWS's runtime client, or our own loop over the same API.

    -S leaves all site-packages out, -P the folder of the script.
    """
    interpreter = [getattr(sys, "_base_executable", None) or sys.executable, "-S", "-P", "-B"]
    if runtime_client_works():
        return [*interpreter, "-m", "awslambdaric", handler]
    return [*interpreter, str(Path(__file__).with_name("bootstrap.py")), handler]


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
        self._group: str = function.logs_group_name
        self._stream = f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{uuid.uuid4().hex}"
        self._logs = logs_backends[cloud.account_id][cloud.region]
        self._arn: str = function.function_arn
        self._code = _unpack(function, cloud.folder / "functions")
        self._environment = self._make_environment(function)
        self._child: _Child | None = None

    def invoke(self, invocation: Invocation) -> None:
        """Run one event to its end: a result, an error, a time-out, or the child's exit."""
        with LOG_LOCK:
            self._logs.ensure_log_group(self._group)
            self._logs.ensure_log_stream(self._group, self._stream)
        self.log(f"START RequestId: {invocation.request_id} Version: $LATEST")
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
                child.watcher.join()
                self._report_exit(invocation, child.program.returncode)
            elif time.monotonic() > started + limit:
                self._report_time_out(invocation, limit)
        seconds = time.monotonic() - started
        if invocation.broke_child or not invocation.fetched.is_set():  # the child is of no use any more
            self.close()
        self.log(f"END RequestId: {invocation.request_id}")
        self.log(f"REPORT RequestId: {invocation.request_id}\tDuration: {seconds * 1000:.2f} ms")

    def close(self) -> None:
        """End the child and its runtime API."""
        if self._child is not None:
            end_child(self._child.program)
            self._child.program.wait()
            self._child.api.close()
            self._child = None

    def log(self, line: str) -> None:
        """Keep a line in the function's log group and tell the listener."""
        event = {"timestamp": int(time.time() * 1000), "message": line}
        with LOG_LOCK:
            self._logs.put_log_events(self._group, self._stream, [event])
        self.cloud.tell("log", self.name, line)

    def _report_time_out(self, invocation: Invocation, seconds: float) -> None:
        message = f"Task timed out after {seconds:.2f} seconds"
        self.log(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z {invocation.request_id} {message}")
        self._break(invocation, "Sandbox.Timedout", message)

    def _report_exit(self, invocation: Invocation, code: int) -> None:
        how = f"exit status {code}" if code >= 0 else f"signal {-code}"
        self._break(invocation, "Runtime.ExitError", f"Runtime exited with error: {how}")

    def _break(self, invocation: Invocation, kind: str, message: str) -> None:
        invocation.broke_child = True
        invocation.fail(error_body(kind, f"RequestId: {invocation.request_id} Error: {message}"))

    def _start(self) -> "_Child":
        api = RuntimeApi(self._arn, self.timeout)
        environment = {**self._environment, "AWS_LAMBDA_RUNTIME_API": api.address}
        program = self.cloud.run(command(self.handler), env=environment, cwd=self._code)
        return _Child(program, api, self.cloud.spawn(lambda: self._watch(program), f"{self.name} log"))

    def _watch(self, program: subprocess.Popen[str]) -> None:
        """Log what a child prints."""
        for line in program.stdout or ():
            if line.strip():
                self.log(line.rstrip("\n"))

    def _make_environment(self, function: Any) -> dict[str, str]:
        """Lambda's own names can't be overridden.

        https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
        """
        provided = link_provided(self.cloud.folder / "runtime")
        return {
            **function.environment_vars,
            **self.cloud.role_environment(function.role, function.function_name),
            "_HANDLER": function.handler,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_FORMAT": _log_format(function),
            "AWS_LAMBDA_LOG_GROUP_NAME": self._group,
            "AWS_LAMBDA_LOG_STREAM_NAME": self._stream,
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


def _unpack(function: Any, folder: Path) -> Path:
    """The folder with a function's code; functions with the same zip share it."""
    code = folder / "".join(character for character in function.code_sha_256 if character.isalnum())
    if not code.exists():
        unfinished = folder / uuid.uuid4().hex
        with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as archive:
            archive.extractall(unfinished)
        unfinished.rename(code)
    return code
