"""A function's loop over Lambda's runtime API where AWS's own client isn't available, as on macOS.

It runs as a script in the function's process, with the standard library alone, and is never imported.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import importlib
import json
import logging
import os
import sys
import time
import traceback
import urllib.request
from collections.abc import Mapping
from typing import Any


class Context:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-context.html"""

    identity = None
    client_context = None

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline_ms = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the time-out."""
        return max(0, self._deadline_ms - int(time.time() * 1000))


def _request(path: str, body: bytes | None = None) -> tuple[bytes, Mapping[str, str]]:
    url = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/{path}"
    with urllib.request.urlopen(urllib.request.Request(url, data=body)) as answer:
        return answer.read(), answer.headers


def _error(error: BaseException) -> bytes:
    frames = error.__traceback__.tb_next if error.__traceback__ else None  # without this loop's own
    trace = traceback.format_tb(frames)
    return json.dumps(
        {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": trace}
    ).encode()


def main(handler: str) -> None:
    """Load `module.function` and answer events until the API closes."""
    logging.basicConfig(format="[%(levelname)s]\t%(asctime)s\t%(message)s", stream=sys.stdout)
    module, _, function = handler.rpartition(".")
    try:
        handle: Any = getattr(importlib.import_module(module.replace("/", ".")), function)
    except BaseException as error:
        _request("init/error", _error(error))
        raise
    while True:
        event, headers = _request("invocation/next")
        context = Context(headers)
        try:
            answer = json.dumps(handle(json.loads(event), context)).encode()
        except Exception as error:  # noqa: BLE001 whatever a function raises is its answer
            traceback.print_exc()
            _request(f"invocation/{context.aws_request_id}/error", _error(error))
        else:
            _request(f"invocation/{context.aws_request_id}/response", answer)


if __name__ == "__main__":
    main(sys.argv[1])
