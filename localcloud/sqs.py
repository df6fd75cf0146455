"""SQS, which is moto's own: where a queue answers, and what is kept of queues."""

from typing import Any

from moto.sqs.models import Message, SQSBackend, sqs_backends

from localcloud.cloudformation.kept import is_of_a_stack
from localcloud.core.cloud import Cloud
from localcloud.core.keeping import Contents, Part

ATTRIBUTES = (
    *("DelaySeconds", "MaximumMessageSize", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds"),
    *("VisibilityTimeout", "FifoQueue", "ContentBasedDeduplication", "Policy", "RedrivePolicy"),
)
_OF_A_DELIVERY = ("receipt_handle", "_old_receipt_handles", "visible_at")


def queue_url(cloud: Cloud, name: str) -> str:
    """The URL of a queue of this account."""
    return f"{cloud.endpoint_url}/{cloud.account_id}/{name}"


def plug_in(cloud: Cloud) -> None:
    """Keep messages; let nobody wait for a request that waits for messages itself."""

    def receive_message(*args: Any, **options: Any) -> Any:
        with cloud.gate.aside():
            return receive(*args, **options)

    receive = cloud.patch(SQSBackend, "receive_message", receive_message)
    cloud.keep("sqs", Queues(cloud))


class Queues(Part):
    """Messages come back when all is deployed again; a queue that belongs to no stack, at once.

    A message that was being read becomes visible again, and that delivery, which nobody could finish, doesn't
    count; one that is delayed stays so until its time has come.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._backend: Any = sqs_backends[cloud.account_id][cloud.region]
        self._waiting: dict[str, Any] = {}  # what hasn't been brought back, by its queue

    def save(self, contents: Contents) -> dict[str, Any]:  # noqa: ARG002 - it has no contents
        """Every queue with its messages; of a queue that belongs to no stack, its attributes, too."""
        kept = dict(self._waiting)
        for name, queue in list(self._backend.queues.items()):
            messages = [_describe(message) for message in list(queue._messages)]
            messages += self._waiting.get(name, {"messages": []})["messages"]
            kept[name] = {"messages": messages}
            if not is_of_a_stack(self._cloud, queue):
                found = queue.attributes
                kept[name]["attributes"] = {
                    key: found[key] for key in ATTRIBUTES if found.get(key) is not None
                }
        return {name: queue for name, queue in kept.items() if queue["messages"] or "attributes" in queue}

    def restore(self, kept: Any, contents: Contents) -> None:  # noqa: ARG002 - it has no contents
        """Make the queues of no stack again; a dead-letter queue is there before those that name it."""
        self._waiting = kept
        free = {name: queue["attributes"] for name, queue in kept.items() if "attributes" in queue}
        for name in sorted(free, key=lambda name: "RedrivePolicy" in free[name]):
            self._backend.create_queue(name, {}, **free[name])

    def resume(self) -> None:
        """Put the messages back into their queues; those of a queue that is no more are kept on."""
        for name in [name for name in self._waiting if name in self._backend.queues]:
            for described in self._waiting[name]["messages"]:
                message = Message(described["id"], described["body"])
                vars(message).update(described)
                self._backend.queues[name].add_message(message)
            del self._waiting[name]

    def unfinished(self) -> dict[str, int]:
        """Messages, and those that their functions have failed on."""
        queues = list(self._backend.queues.values())
        letters = {queue.dead_letter_queue.name for queue in queues if queue.dead_letter_queue is not None}
        counts = {queue.name: len(queue._messages) for queue in queues}
        for name, kept in self._waiting.items():
            counts[name] = counts.get(name, 0) + len(kept["messages"])
        dead = sum(count for name, count in counts.items() if name in letters)
        return {"waiting message": sum(counts.values()) - dead, "dead letter": dead}


def _describe(message: Any) -> dict[str, Any]:
    described = {name: value for name, value in vars(message).items() if name not in _OF_A_DELIVERY}
    if not message.visible:
        described["approximate_receive_count"] = max(0, message.approximate_receive_count - 1)
    return described
