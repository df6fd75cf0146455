"""S3's events, as it sends them to EventBridge."""

import itertools
import time
import uuid
from typing import Any

from moto.s3 import notifications

from localcloud.core.cloud import Cloud
from localcloud.s3 import moto_fixes
from localcloud.s3.kept import Objects

# moto's name → the reason of an Object Created event; S3's other events are not sent
CREATED = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
}
_sequence = itertools.count(time.time_ns())


def created_detail(bucket: Any, key: Any, reason: str) -> dict[str, Any]:
    """The detail of an Object Created event as documented; keys are not URL-encoded.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    described = {
        "key": key.name,
        "size": key.size,
        "etag": key.etag.strip('"'),
        "sequencer": f"{next(_sequence):016X}",
    }
    if bucket.is_versioned:
        described["version-id"] = key.version_id
    return {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": described,
        "request-id": uuid.uuid4().hex[:16].upper(),
        "requester": Cloud.account_id,
        "source-ip-address": "127.0.0.1",
        "reason": reason,
    }


def plug_in(cloud: Cloud) -> None:
    """Send the events of objects that are created, in AWS's shape; correct moto's S3."""

    def send(_account_id: str, bucket: Any, event_name: Any, key: Any) -> None:
        name = str(getattr(event_name, "value", event_name))
        if name in CREATED:
            detail = created_detail(bucket, key, CREATED[name])
            cloud.emit("aws.s3", "Object Created", detail, [bucket.arn])

    cloud.patch(notifications, "_send_event_bridge_message", send)
    moto_fixes.plug_in(cloud)
    cloud.keep("s3", Objects(cloud))
