"""Notify people: one message to the stack's topic, which mails it to its subscribers."""

import re
from typing import TYPE_CHECKING

from batch_prediction.aws import objects
from batch_prediction.aws.clients import Clients
from batch_prediction.settings import Settings

if TYPE_CHECKING:
    from batch_prediction.aws.types import SNSClient

_SUBJECT, _TEXT = 99, 200_000  # characters; SNS takes fewer than 100, and 256 KiB
_NOT_ASCII = re.compile(r"[^\x20-\x7e]")


def notify(sns: "SNSClient", topic_arn: str, subject: str, text: str) -> None:
    """Send a message; a subject that SNS would refuse is corrected rather than lost.

    https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: ASCII, no line breaks, beginning with a
    letter, number or punctuation.
    """
    accepted = _NOT_ASCII.sub("?", subject).strip()[:_SUBJECT]
    sns.publish(TopicArn=topic_arn, Subject=accepted or "Digit Batch", Message=text[:_TEXT])


def notify_once(
    aws: Clients, settings: Settings, key: str, record: dict[str, str], subject: str, text: str
) -> None:
    """Send a message, then write the record that it was sent, a JSON object, unless there is that record.

    After a crash in between the message is sent again.
    """
    if objects.exists(aws.s3, settings.bucket, key):
        return
    notify(aws.sns, settings.notifications_topic_arn, subject, text)
    objects.put_if_absent(aws.s3, settings.bucket, key, objects.to_json(record))
