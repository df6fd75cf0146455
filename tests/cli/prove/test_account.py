"""What a proof reads of an account, from moto."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from cli import stack as stacks
from cli.prove import account
from cli.stack import client
from tests.cli.moto_account import deploy, empty_account

SINCE = datetime.now(UTC) - timedelta(minutes=1)


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The stack `digits`; its outputs."""
    with empty_account(monkeypatch):
        yield deploy()


def write(group: str, stream: str, *texts: str) -> None:
    """Write lines into a log."""
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    events = [{"timestamp": int(time.time() * 1000), "message": text} for text in texts]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def test_a_log_group_that_is_not_there_has_no_lines() -> None:
    """SageMaker makes its groups with the first job; any other error is passed on."""
    assert account.lines("/aws/sagemaker/TransformJobs", SINCE) == []
    assert account.streams("/aws/sagemaker/TransformJobs", "job/") == []
    with Stubber(client("logs")) as stub:
        for operation in ("filter_log_events", "describe_log_streams"):
            stub.add_client_error(operation, "AccessDeniedException")
        with pytest.raises(ClientError):
            account.lines("group", SINCE)
        with pytest.raises(ClientError):
            account.streams("group", "job/")


def test_lines_are_those_of_the_streams_that_are_asked_for() -> None:
    """A job's lines are told from another's, whose name begins otherwise, and from earlier ones."""
    write("/jobs", "digits-1/i-0", "one", "two")
    assert account.lines("/jobs", SINCE, "digits-1/") == [
        account.Line("digits-1/i-0", "one"),
        account.Line("digits-1/i-0", "two"),
    ]
    assert account.lines("/jobs", SINCE, "digits-2/") == []
    assert account.lines("/jobs", datetime.now(UTC) + timedelta(minutes=1), "digits-1/") == []
    assert account.streams("/jobs", "digits-1/") == ["digits-1/i-0"]
    assert account.streams("/jobs", "digits-2/") == []


def test_a_functions_lines_are_read_by_its_level() -> None:
    """Lambda writes JSON: errors and what the handlers say are told apart; other lines are neither."""
    texts = [
        "START RequestId: 1",
        json.dumps({"level": "INFO", "message": "run decided"}),
        json.dumps({"level": "ERROR", "errorMessage": "denied", "message": "less"}),
        json.dumps({"level": "ERROR", "message": "look failed"}),
        json.dumps(["ERROR"]),
        json.dumps({"_aws": {}}),
    ]
    write("/aws/lambda/digits-sweep", "stream", *texts)
    logged = account.function_lines(stacks.find("digits"), "sweep", SINCE)
    assert logged == texts
    assert account.errors(logged) == ["denied", "look failed"]
    assert account.informed(logged) == ["run decided"]


def test_a_metric_is_the_sum_of_its_values() -> None:
    """Values of other dimensions aren't counted; a metric without any is 0."""
    for name, value in (("digits", 40.0), ("digits", 2.0), ("other", 1.0)):
        boto3.client("cloudwatch").put_metric_data(
            Namespace="DigitBatch",
            MetricData=[
                {
                    "MetricName": "Expected",
                    "Value": value,
                    "Dimensions": [{"Name": "Name", "Value": name}],
                    "Timestamp": datetime.now(UTC),
                }
            ],
        )
    assert account.metric("DigitBatch", "Expected", {"Name": "digits"}, SINCE) == 42
    assert account.metric("DigitBatch", "Scored", {"Name": "digits"}, SINCE) == 0


def test_a_subscription_counts_when_it_is_confirmed(deployed: dict[str, str]) -> None:
    """SNS gives an ARN to those alone; until then it says PendingConfirmation."""
    topic, stack = deployed["NotificationsTopicArn"], stacks.find("digits")
    assert account.subscriptions(stack) == []
    entries = [
        {"SubscriptionArn": state, "Protocol": "email", "Endpoint": f"{name}@example.org", "TopicArn": topic}
        for state, name in (("PendingConfirmation", "a"), (f"{topic}:1", "b"), ("Deleted", "c"))
    ]
    with Stubber(client("sns")) as stub:
        stub.add_response("list_subscriptions_by_topic", {"Subscriptions": entries}, {"TopicArn": topic})
        assert account.subscriptions(stack) == ["email b@example.org"]


def test_dead_letters_are_counted_by_output(deployed: dict[str, str]) -> None:
    """Every output that is a dead-letter queue's address is asked for its messages."""
    url = deployed["UploadDeadLettersUrl"]
    assert account.dead_letters(stacks.find("digits")) == {"UploadDeadLetters": 0}
    boto3.client("sqs").send_message(QueueUrl=url, MessageBody="{}")
    assert account.dead_letters(stacks.find("digits")) == {"UploadDeadLetters": 1}
