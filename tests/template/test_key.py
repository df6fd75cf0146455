"""With a customer's key everything that the stack stores is encrypted with it, and nothing with another."""

import json

import pytest

from tests import documented_policies
from tests.template.deployed import ACCOUNT, EVENTS, KEY, REGION, allowed, deployed
from tests.template.document import of_type, properties


def test_the_buckets_objects_are_encrypted_with_the_key() -> None:
    """By default, and by one data key for many objects."""
    (rule,) = deployed(properties("DataBucket"), KmsKeyArn=KEY)["BucketEncryption"][
        "ServerSideEncryptionConfiguration"
    ]
    assert rule == {
        "BucketKeyEnabled": True,
        "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY},
    }


@pytest.mark.parametrize("queue", of_type("AWS::SQS::Queue"))
def test_a_queues_messages_are_encrypted_with_the_key(queue: str) -> None:
    """SQS refuses a queue with its own key and another."""
    encrypted = deployed(properties(queue), KmsKeyArn=KEY)
    assert encrypted["KmsMasterKeyId"] == KEY
    assert "SqsManagedSseEnabled" not in encrypted


def test_notifications_are_encrypted_with_the_key() -> None:
    """And the topic has no other property."""
    assert deployed(properties("Notifications"), KmsKeyArn=KEY) == {"KmsMasterKeyId": KEY}


@pytest.mark.parametrize("group", of_type("AWS::Logs::LogGroup"))
def test_logs_are_encrypted_with_the_key(group: str) -> None:
    """Without one, with a key of CloudWatch's own."""
    assert deployed(properties(group), KmsKeyArn=KEY)["KmsKeyId"] == KEY
    assert "KmsKeyId" not in deployed(properties(group))


def test_access_logs_are_written_where_a_bucket_is_given() -> None:
    """Below the stack's name, so that several stacks share the bucket."""
    given = deployed(properties("DataBucket"), AccessLogBucket="logs")["LoggingConfiguration"]
    assert given == {"DestinationBucketName": "logs", "LogFilePrefix": "digits/"}


@pytest.mark.parametrize(("service", "anybody"), [(EVENTS, True), ("cloudwatch.amazonaws.com", False)])
def test_the_documented_policy_lets_events_and_alarms_use_the_key(service: str, anybody: bool) -> None:
    """Alarms of this account alone; EventBridge may not be asked for its account."""
    document = json.loads(documented_policies.policy(documented_policies.KEY))
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        assert allowed(document, action, KEY, {"aws:SourceAccount": ACCOUNT}, service)
        assert allowed(document, action, KEY, {"aws:SourceAccount": "210987654321"}, service) is anybody
        assert allowed(document, action, KEY, {}, service) is anybody
        assert not allowed(document, action, KEY, {"aws:SourceAccount": ACCOUNT}, "s3.amazonaws.com")
    assert not allowed(document, "kms:ScheduleKeyDeletion", KEY, {"aws:SourceAccount": ACCOUNT}, service)


@pytest.mark.parametrize("group", of_type("AWS::Logs::LogGroup"))
def test_the_documented_policy_lets_logs_be_encrypted(group: str) -> None:
    """Those of this stack's functions, and no other group's."""
    document = json.loads(documented_policies.policy(documented_policies.KEY))
    name, logs = deployed(properties(group))["LogGroupName"], f"logs.{REGION}.amazonaws.com"
    for place, expected in ((name, True), (name.replace("digits", "others"), False)):
        arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{place}"
        context = {"kms:EncryptionContext:aws:logs:arn": arn}
        for action in (
            "Encrypt",
            "Decrypt",
            "ReEncryptFrom",
            "ReEncryptTo",
            "GenerateDataKey",
            "DescribeKey",
        ):
            assert allowed(document, f"kms:{action}", KEY, context, logs) is expected


def test_the_documented_policy_lets_s3_write_access_logs() -> None:
    """Below the stack's prefix, for this account alone."""
    document = json.loads(documented_policies.policy(documented_policies.ACCESS_LOGS))
    given = deployed(properties("DataBucket"), AccessLogBucket=documented_policies.LOGS)[
        "LoggingConfiguration"
    ]
    key = f"arn:aws:s3:::{given['DestinationBucketName']}/{given['LogFilePrefix']}2026-11-26-00-00-00-0"
    service = "logging.s3.amazonaws.com"
    assert allowed(document, "s3:PutObject", key, {"aws:SourceAccount": ACCOUNT}, service)
    assert not allowed(document, "s3:PutObject", key, {"aws:SourceAccount": "210987654321"}, service)
    assert not allowed(document, "s3:PutObject", key, {}, service)
