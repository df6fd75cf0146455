"""What a customer's key asks of the roles that read and write what it encrypts."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.assembly import local_cloud
from localcloud.core.clients import make_client
from localcloud.core.cloud import Cloud
from localcloud.iam.roles import role_environment

ROLE = "arn:aws:iam::123456789012:role/writer"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1"
BUCKET = "encrypted"
Ask = Callable[[Any], Any]


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """A cloud with an encrypted bucket, queue and topic."""
    with local_cloud() as cloud:
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}}
        s3 = cloud.client("s3")
        for bucket in (BUCKET, "plain"):
            s3.create_bucket(Bucket=bucket)
            s3.put_object(Bucket=bucket, Key="there", Body=b"x")
        s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
        cloud.client("sqs").create_queue(QueueName=BUCKET, Attributes={"KmsMasterKeyId": KEY})
        cloud.client("sns").create_topic(Name=BUCKET, Attributes={"KmsMasterKeyId": KEY})
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        cloud.client("iam").create_role(RoleName="writer", AssumeRolePolicyDocument=document)
        yield cloud


def client(cloud: Cloud, service: str, *keys: str) -> Any:
    """A client of a role that may do everything but with the key, with which it may do these."""
    allowed = [
        {"Effect": "Allow", "Action": ["s3:*", "sqs:*", "sns:*"], "Resource": "*"},
        {"Effect": "Allow", "Action": [f"kms:{action}" for action in keys] or "x:Y", "Resource": KEY},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    cloud.client("iam").put_role_policy(RoleName="writer", PolicyName="all", PolicyDocument=document)
    return make_client(service, role_environment(cloud, ROLE, "test"))


CASES: list[tuple[str, Ask, list[str]]] = [
    ("s3", lambda s3: s3.put_object(Bucket=BUCKET, Key="new", Body=b"x"), ["GenerateDataKey"]),
    ("s3", lambda s3: s3.get_object(Bucket=BUCKET, Key="there"), ["Decrypt"]),
    ("s3", lambda s3: s3.create_multipart_upload(Bucket=BUCKET, Key="big"), ["GenerateDataKey", "Decrypt"]),
    (
        "sqs",
        lambda sqs: sqs.send_message(QueueUrl=f"http://localhost/123456789012/{BUCKET}", MessageBody="x"),
        ["GenerateDataKey", "Decrypt"],
    ),
    (
        "sns",
        lambda sns: sns.publish(TopicArn=f"arn:aws:sns:us-east-1:123456789012:{BUCKET}", Message="x"),
        ["GenerateDataKey", "Decrypt"],
    ),
]


@pytest.mark.parametrize(("service", "ask", "needed"), CASES)
def test_each_use_of_the_key_has_to_be_allowed(
    cloud: Cloud, service: str, ask: Ask, needed: list[str]
) -> None:
    """With all of them the request is answered; without one it is denied, and the denial names it."""
    ask(client(cloud, service, *needed))
    for missing in needed:
        with pytest.raises(ClientError, match=f"kms:{missing}"):
            ask(client(cloud, service, *(each for each in needed if each != missing)))


def test_what_has_no_customers_key_asks_for_none(cloud: Cloud) -> None:
    """Neither another bucket's objects, nor the list of the encrypted one's; nor one that isn't there."""
    s3 = client(cloud, "s3")
    s3.put_object(Bucket="plain", Key="new", Body=b"x")
    assert s3.get_object(Bucket="plain", Key="there")["Body"].read() == b"x"
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"]
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=BUCKET, Key="absent")
