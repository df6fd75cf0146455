"""Lambda's SQS poller: takes messages from a queue, invokes the function, deletes what succeeded."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends
from moto.sqs.models import sqs_backends

from localcloud.core.cloud import Cloud
from localcloud.lambda_.runtime_api import Invocation
from localcloud.sqs import queue_url

IDLE_SECONDS = 0.1
# AWS leaves a failed message invisible for the queue's VisibilityTimeout; here it comes back immediately, so
# that the dead-letter queue is reached within seconds.
REDELIVERY_SECONDS = 0
ATTRIBUTES = ["ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"]


class Poller:
    """Feeds one event source mapping until it is deleted or the cloud stops; a disabled one waits.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
    """

    def __init__(self, cloud: Cloud, mapping: Any, run: Callable[[Invocation], Invocation]) -> None:
        self.cloud = cloud
        self.mapping = mapping
        self._run = run
        self._queue_arn: str = mapping.event_source_arn
        self._queue_name = self._queue_arn.rsplit(":", 1)[-1]
        self._queue_url = queue_url(cloud, self._queue_name)

    def run(self) -> None:
        """Poll until the mapping is gone, each batch in a thread of its own: an error ends that one alone."""
        while not self.cloud.stopping.is_set() and self._exists():
            messages: list[dict[str, Any]] = []
            with self._logging_refusals():
                messages = self._receive() if self.mapping.enabled else []
            if messages:
                self.cloud.spawn(partial(self._handle, messages), f"{self._queue_arn} batch").join()
            else:
                self.cloud.stopping.wait(IDLE_SECONDS)

    @contextmanager
    def _logging_refusals(self) -> Iterator[None]:
        """Log what a service refuses, as when the queue or the function is gone, and go on."""
        try:
            yield
        except (BotoCoreError, ClientError, UnknownFunctionException) as error:
            self.cloud.log_activity(
                "function", self.mapping.function_name, f"polling {self._queue_arn}: {error}"
            )

    def _exists(self) -> bool:
        backend = lambda_backends[self.cloud.account_id][self.cloud.region]
        return backend.get_event_source_mapping(self.mapping.uuid) is not None

    def _receive(self) -> list[dict[str, Any]]:
        queue = sqs_backends[self.cloud.account_id][self.cloud.region].queues.get(self._queue_name)
        if queue is not None and not queue.messages:
            return []  # a request ten times a second would cost a tenth of a processor
        answer = self.cloud.client("sqs").receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=min(self.mapping.batch_size, 10),
            AttributeNames=ATTRIBUTES,
            MessageAttributeNames=["All"],
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def _handle(self, messages: list[dict[str, Any]]) -> None:
        event = {"Records": [self._record(message) for message in messages]}
        with self._logging_refusals():
            invocation = self._run(Invocation(json.dumps(event).encode()))
            if not self.cloud.stopping.is_set():
                self._settle(messages, invocation)

    def _settle(self, messages: list[dict[str, Any]], invocation: Invocation) -> None:
        """Delete the messages that are done, and let the others come back."""
        failed = failed_messages(
            invocation,
            {message["MessageId"] for message in messages},
            partial="ReportBatchItemFailures" in (self.mapping.function_response_types or []),
        )
        sqs = self.cloud.client("sqs")
        for message in messages:
            handle = message["ReceiptHandle"]
            if message["MessageId"] in failed:
                sqs.change_message_visibility(
                    QueueUrl=self._queue_url, ReceiptHandle=handle, VisibilityTimeout=REDELIVERY_SECONDS
                )
            else:
                sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=handle)

    def _record(self, message: dict[str, Any]) -> dict[str, Any]:
        """A message as Lambda's event shows it."""
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {
                name: {
                    "dataType": value["DataType"],
                    "stringValue": value.get("StringValue"),
                    "stringListValues": [],
                    "binaryListValues": [],
                }
                for name, value in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._queue_arn,
            "awsRegion": self.cloud.region,
        }


def failed_messages(invocation: Invocation, identifiers: set[str], *, partial: bool) -> set[str]:
    """Which messages of a batch come back: all after an error, else those that a partial response names.

    A response that names none, or isn't well formed, fails as AWS says:
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    if invocation.error is not None:
        return identifiers
    if not partial:
        return set()
    answer = json.loads(invocation.answer or b"null")
    if answer is None:
        return set()
    failures = answer.get("batchItemFailures") if isinstance(answer, dict) else "malformed"
    if failures is None:
        return set()
    if not isinstance(failures, list) or not all(isinstance(failure, dict) for failure in failures):
        return identifiers
    named = {failure.get("itemIdentifier") for failure in failures}
    return named if named <= identifiers else identifiers
