"""What people are told."""

import json

from batch_prediction import notify
from batch_prediction.aws import Clients
from batch_prediction.settings import Settings


def test_a_message_reaches_the_topic_with_a_subject_that_sns_takes(aws: Clients, settings: Settings) -> None:
    """Whatever a batch is called, its message is sent: the subject is one line of 99 ASCII characters."""
    queue = aws.sqs.create_queue(QueueName="inbox")["QueueUrl"]
    arn = aws.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.sns.subscribe(TopicArn=settings.notifications_topic_arn, Protocol="sqs", Endpoint=arn)

    notify.publish(aws.sns, settings.notifications_topic_arn, f"Ziffern für\n{'x' * 200}", "accuracy 99 %")

    (received,) = aws.sqs.receive_message(QueueUrl=queue)["Messages"]
    sent = json.loads(received["Body"])
    assert sent["Message"] == "accuracy 99 %"
    assert sent["Subject"].startswith("Ziffern f?r?xxx")
    assert len(sent["Subject"]) == 99
