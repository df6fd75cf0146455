"""SNS: the listener sees what is published, and e-mails go into a log instead of to people."""

from typing import Any

from moto.sns.models import Subscription, Topic

from localcloud.core.cloud import Cloud
from localcloud.logs import LogStream

LOG_GROUP = "/local/notifications"  # a stream for each topic
DELIVERED = ("lambda", "sqs")  # moto delivers to these; all other protocols would leave this machine


def plug_in(cloud: Cloud) -> None:
    """Show notifications, and keep those for people."""

    def publish(topic: Any, message: str, subject: str | None = None, **options: Any) -> str:
        cloud.log_activity("notification", topic.name, subject or message.partition("\n")[0])
        return str(publish_all(topic, message, subject=subject, **options))

    def deliver(subscription: Any, message: str, message_id: str, **options: Any) -> None:
        if subscription.protocol in DELIVERED:
            deliver_one(subscription, message, message_id, **options)
            return
        matcher = subscription._filter_policy_matcher
        if matcher is None or matcher.matches(options.get("message_attributes"), message):
            stream = LogStream(cloud, LOG_GROUP, subscription.topic.name, subscription.topic.name)
            subject = options.get("subject") or "no subject"
            stream.write(f"{subscription.protocol} to {subscription.endpoint}: {subject}\n{message}")

    publish_all = cloud.patch(Topic, "publish", publish)
    deliver_one = cloud.patch(Subscription, "publish", deliver)
