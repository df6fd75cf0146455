"""The checks of `digits doctor`: each looks at one thing, and says what it found and what to do about it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from batch_prediction.models import registry
from cli import stack as stacks
from cli.errors import CommandError
from cli.quotas import Need, needs, quotas
from cli.stack import Stack, client
from localcloud.core.isolation import LOOPBACK

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-describing-stacks.html
_DEPLOYED = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
_OLDER_TEMPLATE = ("UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE")


class Mark(Enum):
    """How a check ended, as it is shown."""

    GOOD = "[green]✓[/green]"
    LOOK = "[yellow]![/yellow]"
    STOPS = "[red]✗[/red]"  # the stack can't do its work like this
    UNSEEN = "[dim]–[/dim]"


@dataclass(frozen=True)
class Finding:
    """What one check found; `do` is what to do about it, empty where nothing is to be done."""

    mark: Mark
    what: str
    found: str
    do: str = ""


def findings(name: str) -> Iterator[Finding]:
    """Every check, each resting on those before; ends early where the rest can't be seen."""
    for first in (region, credentials):
        yield (finding := first())
        if finding.mark is Mark.STOPS:
            return
    try:
        found = stacks.find(name)
    except CommandError as error:
        yield Finding(Mark.STOPS, "stack", str(error))
        return
    for what, check in CHECKS.items():
        try:
            yield from check(found)
        except CommandError as error:
            yield Finding(Mark.STOPS, what, str(error))
        except (ClientError, BotoCoreError) as error:
            yield Finding(Mark.LOOK, what, f"can't be seen: {error}", "ask for the permission, or try again")


def is_local() -> bool:
    """Whether this shell's AWS is a local cloud."""
    return urlsplit(client("sts").meta.endpoint_url).hostname in LOOPBACK


def region() -> Finding:
    """Whether a region is set at all."""
    try:
        found = boto3.Session().region_name
    except BotoCoreError as error:  # a profile that doesn't exist
        return Finding(Mark.STOPS, "region", str(error), "set AWS_PROFILE to a profile of `aws configure`")
    if not found:
        return Finding(Mark.STOPS, "region", "none is set", "set AWS_DEFAULT_REGION, or `aws configure`")
    return Finding(Mark.GOOD, "region", found)


def credentials() -> Finding:
    """Who asks: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html."""
    try:
        identity = client("sts").get_caller_identity()
    except (ClientError, BotoCoreError) as error:
        return Finding(
            Mark.STOPS, "credentials", str(error), "`aws configure`, `aws sso login` or AWS_PROFILE"
        )
    where = ", in the local cloud" if is_local() else ""
    return Finding(Mark.GOOD, "credentials", f"account {identity['Account']}, {identity['Arn']}{where}")


def deployed(stack: Stack) -> Iterator[Finding]:
    """Whether the stack's last deployment succeeded."""
    found = f"{stack.name}: {stack.status}"
    look = f"`aws cloudformation describe-stack-events --stack-name {stack.name}` has the reason"
    if stack.status in _DEPLOYED:
        yield Finding(Mark.GOOD, "stack", found)
    elif stack.status in _OLDER_TEMPLATE:
        yield Finding(Mark.LOOK, "stack", f"{found}: it works as before its last deployment", look)
    elif stack.status.endswith("_IN_PROGRESS"):
        yield Finding(Mark.LOOK, "stack", found, "wait until CloudFormation is done, and ask again")
    else:
        yield Finding(Mark.STOPS, "stack", found, f"{look}; then `sam deploy` again")


def capacity(stack: Stack) -> Iterator[Finding]:
    """Whether the account may use the instances that the stack's jobs take."""
    if is_local():
        yield Finding(Mark.UNSEEN, "quota", "the local cloud has none")
        return
    needed = needs(stack)
    found = quotas(client("service-quotas"), {need.quota for need in needed})
    for need in needed:
        yield _judged(need, found.get(need.quota))


def _judged(need: Need, value: float | None) -> Finding:
    raise_it = f"ask for {need.wished} in Service Quotas, Amazon SageMaker, {need.quota!r}"
    if value is None:
        return Finding(
            Mark.LOOK,
            "quota",
            f"{need.quota}: not listed in this region",
            f"check {need.parameter}, then deploy",
        )
    found = f"{need.quota}: {value:g}"
    if value < need.least:
        return Finding(Mark.STOPS, "quota", f"{found}, expected {need.least} or more", raise_it)
    if value < need.wished:
        return Finding(
            Mark.LOOK, "quota", f"{found}, {need.wished} are wished for", f"{raise_it}, or {need.or_else}"
        )
    return Finding(Mark.GOOD, "quota", found)


def approved_model(stack: Stack) -> Iterator[Finding]:
    """Whether there is a model that batches can be read with."""
    package = registry.newest_approved(client("sagemaker"), stack.group)
    if package is None:
        found = f"none in the group {stack.group}: batches are refused"
        what_to_do = "`digits tune DATASET`, or approve a package that waits"
        yield Finding(Mark.STOPS, "approved model", found, what_to_do)
        return
    accuracy = package.validation_accuracy
    figure = "" if accuracy is None else f", validation accuracy {accuracy:.2%}"
    version = package.arn.rpartition("model-package/")[2]
    yield Finding(Mark.GOOD, "approved model", f"{version}, {package.training_job}{figure}")


def events(stack: Stack) -> Iterator[Finding]:
    """Whether the bucket tells EventBridge of uploads.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-event-notifications-eventbridge.html
    """
    answer = client("s3").get_bucket_notification_configuration(Bucket=stack.bucket)
    if "EventBridgeConfiguration" in answer:
        yield Finding(Mark.GOOD, "S3's events", f"EventBridge is on for {stack.bucket}")
        return
    if is_local():
        yield Finding(Mark.UNSEEN, "S3's events", "the local cloud doesn't tell whether EventBridge is on")
        return
    switch_on = (
        f"`aws s3api put-bucket-notification-configuration --bucket {stack.bucket} "
        "--notification-configuration EventBridgeConfiguration={}`; then wait five minutes"
    )
    found = f"EventBridge is off for {stack.bucket}: manifests start nothing"
    yield Finding(Mark.STOPS, "S3's events", found, switch_on)


def email(stack: Stack) -> Iterator[Finding]:
    """Whether anybody is told of alarms."""
    address = stack.parameters.get("NotificationEmail", "")
    if not address:
        deploy = "`sam deploy` with NotificationEmail in samconfig.toml's parameter_overrides"
        yield Finding(Mark.LOOK, "e-mail", "NotificationEmail is empty: alarms tell nobody", deploy)
    elif is_local():
        yield Finding(Mark.UNSEEN, "e-mail", f"{address}: the local cloud sends no e-mail")
    else:
        yield _subscription(stack.outputs["NotificationsTopicArn"], address)


def _subscription(topic: str, address: str) -> Finding:
    """Whether an address has confirmed that it wants the topic's messages.

    https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html: until then the place of the
    subscription's ARN says PendingConfirmation.
    """
    pages = client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    states = [
        entry["SubscriptionArn"]
        for page in pages
        for entry in page["Subscriptions"]
        if entry["Protocol"] == "email" and entry["Endpoint"] == address
    ]
    if any(state.startswith("arn:") for state in states):
        return Finding(Mark.GOOD, "e-mail", f"{address} is subscribed")
    if "PendingConfirmation" in states:
        return Finding(Mark.LOOK, "e-mail", f"{address} hasn't confirmed", "follow the link in AWS's message")
    again = f"`aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint {address}`"
    return Finding(Mark.LOOK, "e-mail", f"{address} isn't subscribed (any more)", again)


def dead_letters(stack: Stack) -> Iterator[Finding]:
    """Whether work waits in a dead-letter queue for somebody to look at it."""
    for output, url in sorted(stack.outputs.items()):
        if not output.endswith("DeadLettersUrl"):
            continue
        answer = client("sqs").get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        count, name = answer["Attributes"]["ApproximateNumberOfMessages"], output.removesuffix("Url")
        if count == "0":
            yield Finding(Mark.GOOD, "dead letters", f"{name} is empty")
        else:
            read = "docs/operations.md, `A dead-letter queue holds a message`"
            yield Finding(Mark.LOOK, "dead letters", f"{name} holds {count}", read)


CHECKS: dict[str, Callable[[Stack], Iterator[Finding]]] = {
    "stack": deployed,
    "quota": capacity,
    "approved model": approved_model,
    "S3's events": events,
    "e-mail": email,
    "dead letters": dead_letters,
}
