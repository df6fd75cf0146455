"""What moto's S3 does otherwise than AWS: conditional writes, events, bucket policies."""

import threading
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.access_control import PermissionResult
from moto.s3 import notifications
from moto.s3.models import FakeBucket, S3Backend
from moto.s3.responses import S3Response

from localcloud.core.cloud import Cloud

PUT, COPY = "s3:ObjectCreated:Put", "s3:ObjectCreated:Copy"
COMPLETE = "s3:ObjectCreated:CompleteMultipartUpload"


def plug_in(cloud: Cloud) -> None:
    """Correct moto's S3 until the cloud stops."""
    _write_conditionally(cloud)
    _name_events(cloud)
    _tell_of_eventbridge(cloud)
    _ignore_bucket_policies(cloud)


def _write_conditionally(cloud: Cloud) -> None:
    """Let one PutObject with a condition finish before the next one is looked at.

    Of two writers with If-None-Match or If-Match at the same time, one wins; moto checks first and writes
    then, each request in a thread of its own.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    Upstream: a lock of S3Response.put_object around the condition and the write.
    """
    one_at_a_time = threading.RLock()

    def put_object(response: Any) -> Any:
        if "If-Match" not in response.headers and "If-None-Match" not in response.headers:
            return put(response)
        with one_at_a_time:
            return put(response)

    put = cloud.patch(S3Response, "put_object", put_object)


def _name_events(cloud: Cloud) -> None:
    """Announce a copy as a copy, and a multipart upload once.

    moto writes both with S3Backend.put_object, which announces a Put.
    Upstream: put_object's `disable_notification`, given by complete_multipart_upload and copy_object.
    """
    operation = threading.local()  # the one of S3 that a thread is in

    def within(event: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            operation.event = event
            try:
                return original(*args, **options)
            finally:
                operation.event = None

        return run

    def announce(account_id: str, bucket: Any, event_name: Any, key: Any) -> None:
        name, within_event = str(getattr(event_name, "value", event_name)), getattr(operation, "event", None)
        if (name, within_event) == (PUT, COMPLETE):
            return
        announced = COPY if (name, within_event) == (PUT, COPY) else event_name
        send(account_id, bucket, announced, key)

    for event, method in ((COMPLETE, "complete_multipart_upload"), (COPY, "copy_object")):
        cloud.patch(S3Backend, method, within(event, getattr(S3Backend, method)))
    send = cloud.patch(notifications, "_send_event_bridge_message", announce)


def _tell_of_eventbridge(cloud: Cloud) -> None:
    """Say in GetBucketNotificationConfiguration that events go to EventBridge, where they do.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketNotificationConfiguration.html
    Upstream: S3Response.get_bucket_notification, which answers topics, queues and functions alone.
    """

    def get_bucket_notification(response: Any) -> Any:
        configuration = response.backend.get_bucket_notification_configuration(response.bucket_name)
        if configuration is None or configuration.event_bridge is None:
            return answer(response)
        response.data["Action"] = "GetBucketNotificationConfiguration"
        others = (configuration.topic, configuration.queue, configuration.cloud_function)
        if any(others):
            status, headers, body = answer(response)
            end = "</NotificationConfiguration>"
            return status, headers, body.replace(end, f"<EventBridgeConfiguration/>{end}")
        return response.serialized(ActionResult({"EventBridgeConfiguration": {}}))

    answer = cloud.patch(S3Response, "get_bucket_notification", get_bucket_notification)


def _ignore_bucket_policies(cloud: Cloud) -> None:
    """Keep bucket policies and evaluate none.

    Upstream: moto.iam.access_control, which takes a statement whose Condition doesn't match for a Deny.
    """
    cloud.patch(FakeBucket, "get_permission", lambda *_request: PermissionResult.NEUTRAL)
