"""Lambda's runtime API on loopback, for one worker.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import contextlib
import json
import queue
import threading
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Invocation:
    """One event for a function, and its outcome.

    `error` is None after success, else Lambda's X-Amz-Function-Error; `answer` is JSON either way.
    `broke_child` says that the child that had it has ended or was too slow.
    """

    event: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    fetched: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    answer: bytes = b"null"
    error: str | None = None
    broke_child: bool = False

    def succeed(self, answer: bytes) -> None:
        """Settle with the function's result; the first outcome counts."""
        if not self.done.is_set():
            self.answer = answer
            self.done.set()

    def fail(self, answer: bytes) -> None:
        """Settle with an error, a JSON object with errorType and errorMessage; the first outcome counts."""
        if not self.done.is_set():
            self.answer, self.error = answer, "Unhandled"
            self.done.set()


def error_body(kind: str, message: str) -> bytes:
    """An error as Lambda reports the ones that the runtime itself could not."""
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


class RuntimeApi:
    """Hands invocations to one child, one at a time, and takes its answers."""

    def __init__(self, function_arn: str, timeout: float) -> None:
        self.function_arn = function_arn
        self.timeout = timeout
        self.current: Invocation | None = None
        self._waiting: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True, name="runtime API")
        self._thread.start()

    @property
    def address(self) -> str:
        """host:port, for AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def offer(self, invocation: Invocation) -> None:
        """Let the runtime have an invocation; there is at most one at a time."""
        self.current = invocation
        self._waiting.put(invocation)

    def next(self) -> Invocation | None:
        """Wait for an invocation; None when the API closes."""
        invocation = self._waiting.get()
        if invocation is not None:
            invocation.fetched.set()
        return invocation

    def close(self) -> None:
        """Stop serving; a runtime that still waits gets an end of its connection."""
        self._waiting.put(None)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(api: RuntimeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """The four requests of a runtime."""

        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 its name in the standard library
            """Stay silent."""

        def do_GET(self) -> None:
            """`invocation/next`: wait for an event."""
            invocation = api.next()
            if invocation is None:
                self.close_connection = True
                return
            self._send(
                200,
                invocation.event,
                {
                    "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                    "Lambda-Runtime-Deadline-Ms": str(int((time.time() + api.timeout) * 1000)),
                    "Lambda-Runtime-Invoked-Function-Arn": api.function_arn,
                    "Content-Type": "application/json",
                },
            )

        def do_POST(self) -> None:
            """`invocation/<id>/response`, `invocation/<id>/error` and `init/error`: take the outcome."""
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            invocation = api.current
            if invocation is not None:
                if self.path.endswith("/init/error"):
                    invocation.fail(body)
                elif f"/{invocation.request_id}/" in self.path:
                    (invocation.succeed if self.path.endswith("/response") else invocation.fail)(body)
            self._send(202, b"", {})

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            with contextlib.suppress(ConnectionError):  # the child has gone, as its worker will notice
                self.end_headers()
                self.wfile.write(body)

    return Handler
