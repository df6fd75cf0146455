"""Rules with a schedule, and notifications through topics."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.eventbridge import schedules
from localcloud.eventbridge.schedules import Clock
from localcloud.sns import LOG_GROUP
from tests.localcloud.stack_account import Account
from tests.wait import until

STACK = """
Resources:
  Sweep:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: sweep
      Handler: app.handler
      Events:
        Often: {Type: Schedule, Properties: {Schedule: rate(15 minutes)}}
  Topic: {Type: AWS::SNS::Topic}
  Person:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref Topic, Protocol: email, Endpoint: someone@example.org}
Outputs:
  Topic: {Value: !Ref Topic}
"""
HANDLER = """
def handler(event, context):
    print("swept", event["detail-type"], event["source"], event["resources"][0].rpartition(":")[2])
"""


@pytest.fixture(scope="module")
def stack(account: Account) -> dict[str, str]:
    """The outputs of the stack above."""
    return account.deploy("scheduled", STACK, HANDLER)


def swept(account: Account) -> list[str]:
    """The function's log lines about its events."""
    return [text for text in account.logged("log", "sweep") if text.startswith("swept")]


def test_a_schedule_of_sam_fires_at_its_rate(account: Account, stack: dict[str, str]) -> None:
    """Nothing happens before the rate has gone by; then the function gets the documented event, once."""
    (rule,) = schedules.scheduled(account.cloud)
    clock, now = Clock(account.cloud), time.monotonic()
    clock.look(now)
    clock.look(now + 899)
    assert swept(account) == []
    clock.look(now + 900)
    clock.look(now + 901)
    assert until(lambda: swept(account)) == [f"swept Scheduled Event aws.events rule/{rule.name}"]
    clock.look(now + 1800)
    until(lambda: len(swept(account)) == 2)


def test_a_schedule_can_be_fired_at_once(account: Account, stack: dict[str, str]) -> None:
    """A test needn't wait for a quarter of an hour."""
    before, (rule,) = len(swept(account)), schedules.scheduled(account.cloud)
    schedules.fire(account.cloud, rule.name)
    until(lambda: len(swept(account)) == before + 1)


def test_a_schedule_that_would_never_fire_is_refused(account: Account) -> None:
    """A cron expression is not supported, and says so."""
    events = account.cloud.client("events")
    with pytest.raises(ClientError, match="the local cloud knows rate"):
        events.put_rule(Name="daily", ScheduleExpression="cron(0 10 * * ? *)")
    assert [rule["Name"] for rule in events.list_rules()["Rules"] if rule["Name"] == "daily"] == []


def test_an_e_mail_goes_into_a_log_and_to_the_listener(account: Account, stack: dict[str, str]) -> None:
    """The log has the address, the subject and the text; the listener gets the subject."""
    account.cloud.client("sns").publish(
        TopicArn=stack["Topic"], Subject="b7: Completed", Message="99 %\nof 12"
    )
    assert account.logged("notification", "Topic") == ["b7: Completed"]
    logs: Any = account.cloud.client("logs")
    (stream,) = logs.describe_log_streams(logGroupName=LOG_GROUP)["logStreams"]
    found = logs.get_log_events(logGroupName=LOG_GROUP, logStreamName=stream["logStreamName"])["events"]
    assert [event["message"] for event in found] == [
        "email to someone@example.org: b7: Completed\n99 %\nof 12"
    ]
    assert json.dumps(found).count("someone@example.org") == 1
