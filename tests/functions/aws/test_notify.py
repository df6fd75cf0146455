"""What is published to the stack's topic."""

from types import SimpleNamespace
from typing import Any

import pytest

from batch_prediction.aws import notify
from batch_prediction.aws.clients import Clients
from batch_prediction.settings import Settings
from tests.functions.notifications import Published


def test_a_message_reaches_the_topic_with_a_subject_that_sns_takes(
    aws: Clients, settings: Settings, published: Published
) -> None:
    """Whatever a batch is called, its message is sent: the subject is one line of 99 ASCII characters."""
    notify.notify(aws.sns, settings.notifications_topic_arn, f"Ziffern für\n{'x' * 200}", "accuracy 99 %")

    (sent,) = published()
    assert sent["Message"] == "accuracy 99 %"
    assert sent["Subject"].startswith("Ziffern f?r?xxx")
    assert len(sent["Subject"]) == 99


@pytest.mark.parametrize(
    ("subject", "sent"),
    [("\n\t", "??"), ("", "Digit Batch"), ("  ", "Digit Batch"), (" a ~ b ", "a ~ b"), ("\x7fa\x1f", "?a?")],
)
def test_a_subject_has_no_character_that_sns_refuses(
    aws: Clients, settings: Settings, published: Published, subject: str, sent: str
) -> None:
    """Printable ASCII, and something to print, without a blank at its ends."""
    notify.notify(aws.sns, settings.notifications_topic_arn, subject, "text")
    assert [message["Subject"] for message in published()] == [sent]


def test_a_long_text_is_cut_to_what_sns_takes() -> None:
    """200,000 characters: fewer than 256 KiB, if they are ASCII."""
    requests = []
    topic: Any = SimpleNamespace(publish=lambda **request: requests.append(request))
    for length in (200_000, 200_001):
        notify.notify(topic, "arn:topic", "subject", "x" * length)
    assert [len(request["Message"]) for request in requests] == [200_000, 200_000]
    assert {request["TopicArn"] for request in requests} == {"arn:topic"}
