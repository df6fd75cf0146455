"""What is published to the stack's topic."""

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
