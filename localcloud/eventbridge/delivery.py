"""Carries an event or a record to the queue, function or topic that an ARN names."""

from collections.abc import Mapping

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.core.cloud import Cloud
from localcloud.eventbridge.errors import DeliveryError
from localcloud.sqs import queue_url


def deliver(cloud: Cloud, arn: str, body: str, attributes: Mapping[str, str] | None = None) -> None:
    """Send `body` to the queue, function (asynchronously) or topic `arn`; `attributes` are for a queue.

    Raise DeliveryError when it doesn't exist, refuses the message, or is of another kind.
    """
    if arn.count(":") < 5:
        raise DeliveryError("INVALID_PARAMETER", f"{arn!r} isn't an ARN; expected arn:aws:SERVICE:…")
    service, name = arn.split(":")[2], arn.split(":", 5)[-1]
    try:
        if service == "sqs":
            cloud.client("sqs").send_message(
                QueueUrl=queue_url(cloud, name),
                MessageBody=body,
                MessageAttributes={
                    key: {"DataType": "String", "StringValue": value}
                    for key, value in (attributes or {}).items()
                },
            )
        elif service == "lambda":
            cloud.client("lambda").invoke(FunctionName=arn, InvocationType="Event", Payload=body.encode())
        elif service == "sns":
            cloud.client("sns").publish(TopicArn=arn, Message=body)
        else:
            raise DeliveryError("NOT_EMULATED", f"The local cloud doesn't deliver to {service} ({arn}).")
    except ClientError as error:
        raise DeliveryError(error.response["Error"]["Code"], f"{arn}: {error}") from error
    except BotoCoreError as error:
        raise DeliveryError("INVALID_PARAMETER", f"{arn}: {error}") from error
