"""CloudWatch in the local cloud: metrics that functions print and that rules have of themselves."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from localcloud.cloudwatch import publish, publish_printed
from localcloud.eventbridge.schedules import fire
from localcloud.logs import LogStream
from tests.localcloud.stack_account import Account
from tests.wait import until

PRINTED = {
    "_aws": {
        "Timestamp": 0,
        "CloudWatchMetrics": [
            {
                "Namespace": "Printed",
                "Dimensions": [["Name"]],
                "Metrics": [{"Name": "Seen", "Unit": "Count"}, {"Name": "Missed"}],
            }
        ],
    },
    "Name": "one",
    "Seen": 40,
    "Missed": 2.5,
}
RULE = """
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [counted]}
      Targets: [{Id: queue, Arn: !GetAtt Queue.Arn}]
  Timed:
    Type: AWS::Events::Rule
    Properties:
      ScheduleExpression: rate(1 day)
      Targets: [{Id: queue, Arn: !GetAtt Queue.Arn}]
Outputs:
  Rule: {Value: !Ref Rule}
  Timed: {Value: !Ref Timed}
"""


def total(account: Account, namespace: str, name: str, dimension: str, value: str) -> float:
    """The sum of a metric, as an AWS client reads it."""
    now = datetime.now(UTC)
    answer = account.cloud.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": dimension, "Value": value}],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["Sum"],
    )
    return float(sum(point["Sum"] for point in answer["Datapoints"]))


def test_a_printed_metric_is_published(account: Account) -> None:
    """A log line in the embedded metric format is a value of each of its metrics, by its dimensions."""
    stream = LogStream(account.cloud, "/aws/lambda/printing", "stream", "printing")
    for _ in range(2):
        stream.write(json.dumps(PRINTED))
    assert total(account, "Printed", "Seen", "Name", "one") == 80
    assert total(account, "Printed", "Missed", "Name", "one") == 5
    assert total(account, "Printed", "Seen", "Name", "another") == 0


@pytest.mark.parametrize("line", ["plain", '{"level": "INFO"}', '{"_aws" is mentioned', '"_aws"'])
def test_any_other_line_has_no_metrics(account: Account, line: str) -> None:
    """A line that isn't in the format is a line of the log and nothing else."""
    before = len(account.cloud.client("cloudwatch").list_metrics()["Metrics"])
    publish_printed(account.cloud, line)
    assert len(account.cloud.client("cloudwatch").list_metrics()["Metrics"]) == before


def test_a_rule_counts_its_events_and_what_it_could_not_deliver(account: Account) -> None:
    """MatchedEvents counts each event of a rule once, FailedInvocations each target that refused it."""
    rule = account.deploy("counting", RULE)["Rule"]
    for source in ("counted", "counted", "other"):
        account.cloud.emit(source, "Thing", {}, [])
    until(lambda: total(account, "AWS/Events", "FailedInvocations", "RuleName", rule) == 2)
    assert total(account, "AWS/Events", "MatchedEvents", "RuleName", rule) == 2


def test_a_schedule_that_can_not_be_delivered_is_counted(account: Account) -> None:
    """A scheduled rule's failures are counted as those of any other rule."""
    rule = account.deploy("counting", RULE)["Timed"]
    fire(account.cloud, rule)
    assert total(account, "AWS/Events", "FailedInvocations", "RuleName", rule) == 1


def test_a_published_value_is_read_by_its_dimensions_alone(account: Account) -> None:
    """Two values with other dimensions are two metrics."""
    publish(account.cloud, "Published", {"Value": 1.5}, {"Who": "a"})
    publish(account.cloud, "Published", {"Value": 4.0}, {"Who": "b"})
    assert total(account, "Published", "Value", "Who", "a") == 1.5
