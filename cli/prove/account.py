"""What AWS shows a person of a deployed stack: log lines, metrics, settings. Every look since a moment."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from batch_prediction.aws.errors import code
from cli.stack import Stack, client

# How often the errors of a function are one too many: one may be a passing trouble, SQS delivers it again.
REPEATED = 2
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Line:
    """A line of a log, and the stream that it is in."""

    stream: str
    text: str


def lines(group: str, since: datetime, stream: str = "") -> list[Line]:
    """A log group's lines, of the streams whose names begin with `stream`; none of a group that isn't there.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
    """
    request: dict[str, Any] = {"logGroupName": group, "startTime": int(since.timestamp() * 1000)}
    if stream:
        request["logStreamNamePrefix"] = stream
    try:
        pages = list(client("logs").get_paginator("filter_log_events").paginate(**request))
    except ClientError as error:
        if code(error) != "ResourceNotFoundException":
            raise
        return []
    found = (Line(event["logStreamName"], event["message"]) for page in pages for event in page["events"])
    return [line for line in found if line.stream.startswith(stream)]


def streams(group: str, prefix: str) -> list[str]:
    """The names of a log group's streams that begin so: a container that prints nothing has one, too."""
    try:
        pages = client("logs").get_paginator("describe_log_streams")
        found = list(pages.paginate(logGroupName=group, logStreamNamePrefix=prefix))
    except ClientError as error:
        if code(error) != "ResourceNotFoundException":
            raise
        return []
    return [stream["logStreamName"] for page in found for stream in page["logStreams"]]


def function_lines(stack: Stack, function: str, since: datetime) -> list[str]:
    """What a function of the stack has logged; `function` is its name without the stack's."""
    return [line.text for line in lines(f"/aws/lambda/{stack.group}-{function}", since)]


def errors(logged: list[str]) -> list[str]:
    """What failed invocations say, oldest first: Lambda logs JSON, as template.yaml's LoggingConfig says.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
    """
    return [str(entry.get("errorMessage") or entry.get("message")) for entry in _entries(logged, "ERROR")]


def informed(logged: list[str]) -> list[str]:
    """The messages at level INFO, oldest first."""
    return [str(entry.get("message")) for entry in _entries(logged, "INFO")]


def _entries(logged: list[str], level: str) -> Iterator[dict[str, Any]]:
    for text in logged:
        try:
            entry = json.loads(text)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("level") == level:
            yield entry


def metric(namespace: str, name: str, dimensions: dict[str, str], since: datetime) -> float:
    """The sum of a metric; 0 without any value, which may be one that isn't there yet.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
    """
    answer = client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=since,  # rounded down to a minute in AWS
        EndTime=datetime.now(UTC) + _MINUTE,
        Period=60,
        Statistics=["Sum"],
    )
    return float(sum(point["Sum"] for point in answer["Datapoints"]))


def rule_metric(stack: Stack, logical_id: str, name: str, since: datetime) -> float:
    """A metric of one of the stack's rules.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
    """
    found = client("cloudformation").describe_stack_resource(
        StackName=stack.name, LogicalResourceId=logical_id
    )
    rule = found["StackResourceDetail"]["PhysicalResourceId"]
    return metric("AWS/Events", name, {"RuleName": rule}, since)


def sends_events(stack: Stack) -> bool:
    """Whether the bucket sends its events to EventBridge.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-event-notifications-eventbridge.html
    """
    answer = client("s3").get_bucket_notification_configuration(Bucket=stack.bucket)
    return "EventBridgeConfiguration" in answer


def subscriptions(stack: Stack) -> list[str]:
    """The confirmed subscriptions of the stack's topic; an ARN is what only a confirmed one has.

    https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html
    """
    pages = client("sns").get_paginator("list_subscriptions_by_topic")
    found = pages.paginate(TopicArn=stack.outputs["NotificationsTopicArn"])
    return [
        f"{entry['Protocol']} {entry['Endpoint']}"
        for page in found
        for entry in page["Subscriptions"]
        if entry["SubscriptionArn"].startswith("arn:")
    ]


def dead_letters(stack: Stack) -> dict[str, int]:
    """How many messages each dead-letter queue holds."""
    counts = {}
    for output, url in sorted(stack.outputs.items()):
        if output.endswith("DeadLettersUrl"):
            answer = client("sqs").get_queue_attributes(
                QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
            )
            counts[output.removesuffix("Url")] = int(answer["Attributes"]["ApproximateNumberOfMessages"])
    return counts


def artifact_of(package_arn: str) -> str:
    """The `s3://` address of a model package's artifact; ClientError where it can't be described."""
    described = client("sagemaker").describe_model_package(ModelPackageName=package_arn)
    artifact: str = described["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    return artifact
