"""What a customer's key asks of whoever reads or writes what it encrypts; AWS's own keys ask nothing.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
"""

from typing import Any

from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from localcloud.core.cloud import Cloud
from localcloud.iam.policy_evaluation import Request

READ, WRITE = "kms:Decrypt", "kms:GenerateDataKey"


def of_sending(cloud: Cloud, operation: str, target: str) -> list[Request]:
    """What sending to an encrypted queue or topic asks: a data key, new or to be used again."""
    if operation == "sqs:SendMessage":
        queue: Any = sqs_backends[cloud.account_id][cloud.region].queues.get(target.rpartition("/")[2])
        return _asked(queue and queue.kms_master_key_id, WRITE, READ)
    if operation == "sns:Publish":
        topic: Any = sns_backends[cloud.account_id][cloud.region].topics.get(target)
        return _asked(topic and topic.kms_master_key_id, WRITE, READ)
    return []


def of_object(backend: Any, bucket: str, action: str, *, in_parts: bool) -> list[Request]:
    """What an object of a bucket asks that encrypts by default; of an upload in parts each part is read."""
    if action in ("GetObject", "GetObjectVersion"):
        return _asked(_key_of(backend, bucket), READ)
    if action == "PutObject":
        return _asked(_key_of(backend, bucket), WRITE, *([READ] if in_parts else []))
    return []


def _key_of(backend: Any, bucket: str) -> str | None:
    found = backend.get_bucket(bucket).encryption or {}
    key: str | None = (
        found.get("Rule", {}).get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID")
    )
    return key


def _asked(key: str | None, *actions: str) -> list[Request]:
    return [Request(action, key) for action in actions] if key else []
