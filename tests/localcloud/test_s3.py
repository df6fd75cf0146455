"""S3 in the local cloud."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.s3.models import S3Backend

from batch_prediction.report import index
from localcloud.assembly import local_cloud
from tests.functions.report.index_entries import entry

WRITERS = 16


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of a cloud with one bucket, where moto takes a moment between its check and its write."""
    write = S3Backend.put_object

    def slowly(*args: Any, **options: Any) -> Any:
        time.sleep(0.02)
        return write(*args, **options)

    monkeypatch.setattr(S3Backend, "put_object", slowly)
    with local_cloud() as cloud:
        cloud.client("s3").create_bucket(Bucket="bucket")
        yield cloud.client("s3")


def at_once(write: Any) -> list[Any]:
    """Each writer's result, of many that begin together."""
    together = threading.Barrier(WRITERS)

    def run(number: int) -> Any:
        together.wait()
        return write(number)

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(run, range(WRITERS)))


@pytest.mark.parametrize("existing", [None, b"first"])
def test_of_simultaneous_conditional_writes_one_wins(s3: Any, existing: bytes | None) -> None:
    """If-None-Match for the first version and If-Match for the next let one writer through, as in AWS."""
    condition = {"IfNoneMatch": "*"}
    if existing:
        condition = {"IfMatch": s3.put_object(Bucket="bucket", Key="k", Body=existing)["ETag"]}

    def write(number: int) -> int:
        try:
            s3.put_object(Bucket="bucket", Key="k", Body=f"writer {number}".encode(), **condition)
        except ClientError as error:
            return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
        return 200

    assert sorted(at_once(write)) == [200, *[412] * (WRITERS - 1)]


def test_runs_added_to_the_index_at_once_are_all_listed(s3: Any) -> None:
    """The list of all runs loses none to a concurrent writer."""
    at_once(lambda number: index.add(s3, "bucket", entry(number)))
    assert [run["batch"] for run in index.read(s3, "bucket").runs] == [
        f"batch-{number}" for number in reversed(range(WRITERS))
    ]


def test_a_bucket_says_where_its_events_go(s3: Any) -> None:
    """GetBucketNotificationConfiguration names EventBridge where it is on, next to queues and alone."""

    def configured(configuration: dict[str, Any]) -> set[str]:
        s3.put_bucket_notification_configuration(Bucket="bucket", NotificationConfiguration=configuration)
        answer = s3.get_bucket_notification_configuration(Bucket="bucket")
        return set(answer) - {"ResponseMetadata"}

    queue = {"QueueArn": "arn:aws:sqs:us-east-1:123456789012:news", "Events": ["s3:ObjectCreated:*"]}
    boto3.client("sqs").create_queue(QueueName="news")
    assert configured({}) == set()
    assert configured({"EventBridgeConfiguration": {}}) == {"EventBridgeConfiguration"}
    assert configured({"QueueConfigurations": [queue]}) == {"QueueConfigurations"}
    both = {"QueueConfigurations": [queue], "EventBridgeConfiguration": {}}
    assert configured(both) == {"QueueConfigurations", "EventBridgeConfiguration"}
