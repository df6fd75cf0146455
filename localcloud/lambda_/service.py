"""Lambda: invocations that run, asynchronous ones with retries and destinations, and SQS event sources."""

import base64
import json
import threading
from datetime import UTC, datetime
from typing import Any

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.sqs.models import sqs_backends

from localcloud.core.cloud import Cloud, CloudError
from localcloud.eventbridge.delivery import deliver
from localcloud.eventbridge.errors import DeliveryError
from localcloud.iam.authorizer import require
from localcloud.iam.errors import DeniedError
from localcloud.iam.policy_evaluation import Request
from localcloud.lambda_ import moto_fixes
from localcloud.lambda_.errors import SandboxError
from localcloud.lambda_.kept import Invocations
from localcloud.lambda_.runtime_api import Invocation, error_body
from localcloud.lambda_.sqs_poller import Poller
from localcloud.lambda_.worker import Worker, fingerprint

# AWS waits one minute and then two:
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
RETRY_SECONDS = (0.2, 0.4)

DESTINATION_ACTIONS = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction"}


class Functions:
    """The account's functions at work: one worker each, so a function's invocations follow one another."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self._workers: dict[str, Worker] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()
        self.asynchronous: dict[
            str, tuple[str, bytes]
        ] = {}  # function and event of those under way, by request

    def run(self, function: Any, invocation: Invocation) -> Invocation:
        """Run one invocation to its end, on a worker that fits the function's current code and settings."""
        name = function.function_name
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            try:
                self._worker(function).invoke(invocation)
            except (CloudError, SandboxError, OSError) as error:
                invocation.fail(error_body("Runtime.ExitError", str(error)))
        outcome = invocation.error and json.loads(invocation.answer or b"{}").get("errorMessage", "failed")
        self.cloud.log_activity("function", name, f"failed: {outcome}" if outcome else "done")
        return invocation

    def log_of(self, function: Any, invocation: Invocation) -> str:
        """The end of what an invocation has logged, in base64: at most 4 KB, as `LogType: Tail` asks for."""
        worker = self._workers.get(function.function_name)
        _, start, lines = (worker.tail() if worker else "").rpartition(
            f"START RequestId: {invocation.request_id}"
        )
        return base64.b64encode((start + lines).encode()[-4096:]).decode()

    def close(self) -> None:
        """When the cloud stops, close each function's worker after its last invocation."""
        self.cloud.stopping.wait()
        for name, worker in list(self._workers.items()):
            with self._locks[name]:
                worker.close()

    def _worker(self, function: Any) -> Worker:
        name = function.function_name
        worker = self._workers.get(name)
        if worker is not None and worker.fingerprint != fingerprint(function):
            worker.close()
            worker = None
        if worker is None:
            worker = self._workers[name] = Worker(self.cloud, function)
        return worker

    def _log_destination(self, function: Any, side: str, error: Exception) -> None:
        name = function.function_name
        self.cloud.log_activity("function", name, f"its {side} destination failed: {error}")

    def start_asynchronously(self, function: Any, event: bytes) -> None:
        """Accept an event for a function; it is run in a thread of its own."""
        request_id = Invocation(event).request_id
        self.asynchronous[request_id] = (function.function_name, event)

        def run() -> None:
            self._run_asynchronously(function, event, request_id)
            if not self.cloud.stopping.is_set():
                with self.cloud.gate.change():
                    del self.asynchronous[request_id]

        self.cloud.spawn(run, f"{function.function_name} asynchronous")

    def _run_asynchronously(self, function: Any, event: bytes, request_id: str) -> None:
        """Run an event up to three times, then send the record of it to the function's destination."""
        config = function.event_invoke_config[0].config if function.event_invoke_config else {}
        attempts = int(config.get("MaximumRetryAttempts", 2)) + 1
        for attempt in range(1, attempts + 1):
            invocation = self.run(function, Invocation(event, request_id))
            if invocation.error is not None and self.cloud.stopping.is_set():
                return  # the cloud ended it
            if invocation.error is None or attempt == attempts:
                break
            if self.cloud.stopping.wait(RETRY_SECONDS[attempt - 1]):
                return
        side = "OnFailure" if invocation.error else "OnSuccess"
        destination = config.get("DestinationConfig", {}).get(side, {}).get("Destination")
        if destination:
            try:
                service = destination.split(":")[2]
                require(
                    self.cloud,
                    function.role,
                    function.function_name,
                    [Request(DESTINATION_ACTIONS[service], destination)],
                )
            except DeniedError as error:
                self.cloud.log_activity(
                    "function", function.function_name, f"its {side} destination failed: {error}"
                )
                return
            record = json.dumps(invocation_record(function.function_arn, invocation, attempt))
            try:
                deliver(self.cloud, destination, record)
            except DeliveryError as error:
                self.cloud.log_activity(
                    "function", function.function_name, f"its {side} destination failed: {error}"
                )


def invocation_record(function_arn: str, invocation: Invocation, attempts: int) -> dict[str, Any]:
    """What a destination gets.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    failed = invocation.error is not None
    return {
        "version": "1.0",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": invocation.request_id,
            "functionArn": f"{function_arn}:$LATEST",
            "condition": "RetriesExhausted" if failed else "Success",
            "approximateInvokeCount": attempts,
        },
        "requestPayload": json.loads(invocation.event),
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            **({"functionError": invocation.error} if failed else {}),
        },
        "responsePayload": json.loads(invocation.answer or b"null"),
    }


def plug_in(cloud: Cloud) -> None:
    """Make moto's Invoke run the function, and its event source mappings poll."""
    functions = Functions(cloud)
    cloud.spawn(functions.close, "functions")
    cloud.keep("lambda", Invocations(cloud, functions))

    def invoke(function: Any, body: Any, request_headers: Any, response_headers: dict[str, str]) -> bytes:
        event = (body.encode() if isinstance(body, str) else body) or b"{}"
        try:
            json.loads(event)
        except ValueError as error:  # https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
            raise LambdaClientError(
                "InvalidRequestContentException", f"Could not parse request body into json: {error}"
            ) from error
        if request_headers.get("X-Amz-Invocation-Type") == "Event":
            functions.start_asynchronously(function, event)
            return b""
        with cloud.gate.aside():
            invocation = functions.run(function, Invocation(event))
        response_headers["x-amz-log-result"] = functions.log_of(function, invocation)
        if invocation.error:
            response_headers["x-amz-function-error"] = invocation.error
        return invocation.answer

    def map_source(backend: Any, spec: dict[str, Any]) -> Any:
        mapping = create(backend, spec)
        for queue in sqs_backends[cloud.account_id][cloud.region].queues.values():
            queue.lambda_event_source_mappings.clear()  # else moto invokes the function while it sends
        poller = Poller(
            cloud, mapping, lambda event: functions.run(backend.get_function(mapping.function_arn), event)
        )
        cloud.spawn(poller.run, f"{mapping.function_arn} poller")
        return mapping

    cloud.patch(LambdaFunction, "invoke", invoke)
    create = cloud.patch(LambdaBackend, "create_event_source_mapping", map_source)
    moto_fixes.plug_in(cloud)
