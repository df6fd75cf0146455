"""After an error a message comes back soon."""

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

import start_transform
import write_report
from batch_prediction.aws import queues
from batch_prediction.aws.clients import Clients
from batch_prediction.events import Message
from batch_prediction.settings import Settings
from tests.settings_and_events import SETTINGS, message
from tests.simulation.world import CONTEXT


class Queue:
    """An SQS client that keeps what it is asked for, or fails."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails, self.asked = fails, list[dict[str, Any]]()

    def change_message_visibility(self, **request: Any) -> None:
        """Keep the request."""
        if self.fails:
            raise ReadTimeoutError(endpoint_url="https://sqs")
        self.asked.append(request)


def pauses_after(queue: Any, deliveries: int) -> None:
    """A delivery that fails."""
    delivered = Message("{}", "handle", deliveries, received=0.0)
    with pytest.raises(LookupError), queues.shorten_visibility_on_error(queue, "url", delivered):
        raise LookupError


def test_the_pause_grows_with_the_deliveries() -> None:
    """The error is passed on, and the message is hidden for half a minute, then for minutes."""
    queue = Queue()
    for deliveries in range(1, 6):
        pauses_after(queue, deliveries)
    assert [request["VisibilityTimeout"] for request in queue.asked] == [30, 120, 480, 900, 900]
    assert {(request["QueueUrl"], request["ReceiptHandle"]) for request in queue.asked} == {("url", "handle")}


def test_what_succeeds_is_left_to_the_poller() -> None:
    """Lambda deletes the message; nothing is changed about it."""
    queue: Any = Queue()
    with queues.shorten_visibility_on_error(queue, "url", Message("{}", "handle", 1, received=0.0)):
        pass
    assert queue.asked == []


def test_the_first_error_counts() -> None:
    """When the message can't be hidden for less, it comes back later; the handler's error is raised."""
    pauses_after(Queue(fails=True), 1)


@pytest.mark.parametrize("function", [start_transform, write_report])
def test_a_message_that_isn_t_json_comes_back_soon_like_any_other(
    function: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs no five hours to the dead-letter queue."""
    queue = Queue()
    monkeypatch.setattr(function, "clients", lambda: SimpleNamespace(sqs=queue))
    monkeypatch.setattr(Settings, "from_environment", lambda: SETTINGS)
    unreadable = message({})
    unreadable["Records"][0]["body"] = "no JSON"
    with pytest.raises(ValueError, match="Expecting value"):
        function.handler(unreadable, CONTEXT)
    assert [request["VisibilityTimeout"] for request in queue.asked] == [30]


def test_a_message_is_sent_as_json_at_once_or_after_a_delay(aws: Clients, settings: Settings) -> None:
    """SQS delivers what has no delay to the next poll, and hides the other."""
    url = settings.upload_queue_url
    queues.send(aws.sqs, url, {"a": 1})
    queues.send(aws.sqs, url, {"b": 2}, 900)
    (delivered,) = aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert delivered["Body"] == '{"a":1}'
    waiting = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert waiting["ApproximateNumberOfMessagesDelayed"] == "1"
