"""The checks of `digits doctor`: each examines one thing, and says what it found and what to do about it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from batch_prediction.models import registry
from cli import stack as stacks
from cli.errors import CommandError, in_words
from cli.prove import account
from cli.quotas import Need, needs, quotas
from cli.stack import Stack, client
from localcloud.core.isolation import LOOPBACK

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-describing-stacks.html
_DEPLOYED = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
_OLDER_TEMPLATE = ("UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE")


class Mark(Enum):
    """The outcome of a check, as it is shown."""

    OK = "[green]✓[/green]"
    WARNING = "[yellow]![/yellow]"
    ERROR = "[red]✗[/red]"  # the stack can't work
    UNKNOWN = "[dim]–[/dim]"


@dataclass(frozen=True)
class Finding:
    """What one check found; `advice` is what to do about it, empty if there is nothing to do."""

    mark: Mark
    what: str
    found: str
    advice: str = ""


def findings(name: str) -> Iterator[Finding]:
    """All checks in order; stops early if the remaining ones can't be made."""
    for check_access in (region, credentials):
        yield (finding := check_access())
        if finding.mark is Mark.ERROR:
            return
    try:
        found = stacks.find(name)
    except CommandError as error:
        yield Finding(Mark.ERROR, "stack", str(error))
        return
    for what, check in CHECKS.items():
        try:
            yield from check(found)
        except CommandError as error:
            yield Finding(Mark.ERROR, what, str(error))
        except (ClientError, BotoCoreError) as error:
            yield Finding(
                Mark.WARNING, what, f"can't be checked: {error}", "ask for the permission, or try again"
            )


def is_local() -> bool:
    """Whether this shell's AWS endpoint is a local cloud."""
    return urlsplit(client("sts").meta.endpoint_url).hostname in LOOPBACK


def region() -> Finding:
    """Whether a region is set."""
    try:
        found = boto3.Session().region_name
    except BotoCoreError as error:  # a profile that doesn't exist
        return Finding(Mark.ERROR, "region", str(error), "set AWS_PROFILE to a profile of `aws configure`")
    if not found:
        return Finding(Mark.ERROR, "region", "none is set", "set AWS_DEFAULT_REGION, or run `aws configure`")
    return Finding(Mark.OK, "region", found)


def credentials() -> Finding:
    """Whose credentials these are: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html."""
    try:
        identity = client("sts").get_caller_identity()
    except EndpointConnectionError as error:
        return Finding(Mark.ERROR, "endpoint", in_words(error), "check AWS_ENDPOINT_URL and the network")
    except (ClientError, BotoCoreError) as error:
        return Finding(
            Mark.ERROR,
            "credentials",
            str(error),
            "run `aws configure` or `aws sso login`, or set AWS_PROFILE",
        )
    where = ", in the local cloud" if is_local() else ""
    return Finding(Mark.OK, "credentials", f"account {identity['Account']}, {identity['Arn']}{where}")


def deployed(stack: Stack) -> Iterator[Finding]:
    """Whether the stack's last deployment succeeded."""
    found = f"{stack.name}: {stack.status}"
    reason = f"`aws cloudformation describe-stack-events --stack-name {stack.name}` shows the reason"
    if stack.status in _DEPLOYED:
        yield Finding(Mark.OK, "stack", found)
    elif stack.status in _OLDER_TEMPLATE:
        yield Finding(Mark.WARNING, "stack", f"{found}: it works as before its last deployment", reason)
    elif stack.status.endswith("_IN_PROGRESS"):
        yield Finding(Mark.WARNING, "stack", found, "wait until CloudFormation is done, then check again")
    else:
        yield Finding(Mark.ERROR, "stack", found, f"{reason}; then run `sam deploy` again")


def capacity(stack: Stack) -> Iterator[Finding]:
    """Whether the account's quotas allow the instances that the stack's jobs use."""
    if is_local():
        yield Finding(Mark.UNKNOWN, "quota", "the local cloud has none")
        return
    needed = needs(stack)
    found = quotas(client("service-quotas"), {need.quota for need in needed})
    for need in needed:
        yield _compare(need, found.get(need.quota))


def _compare(need: Need, value: float | None) -> Finding:
    request = f"request {need.wanted} in Service Quotas, Amazon SageMaker, {need.quota!r}"
    if value is None:
        return Finding(
            Mark.WARNING,
            "quota",
            f"{need.quota}: not listed in this region",
            f"check {need.parameter}, then deploy again",
        )
    found = f"{need.quota}: {value:g}"
    if value < need.required:
        return Finding(Mark.ERROR, "quota", f"{found}, expected {need.required} or more", request)
    if value < need.wanted:
        return Finding(
            Mark.WARNING,
            "quota",
            f"{found}, {need.wanted} are recommended",
            f"{request}, or {need.alternative}",
        )
    return Finding(Mark.OK, "quota", found)


def approved_model(stack: Stack) -> Iterator[Finding]:
    """Whether there is a model that can score batches."""
    package = registry.newest_approved(client("sagemaker"), stack.group)
    if package is None:
        found = f"none in the group {stack.group}: batches are refused"
        advice = "`digits tune DATASET`, or approve a pending package"
        yield Finding(Mark.ERROR, "approved model", found, advice)
        return
    accuracy = package.validation_accuracy
    figure = "" if accuracy is None else f", validation accuracy {accuracy:.2%}"
    version = package.arn.rpartition("model-package/")[2]
    yield Finding(Mark.OK, "approved model", f"{version}, {package.training_job}{figure}")


def events(stack: Stack) -> Iterator[Finding]:
    """Whether the bucket sends events of uploads to EventBridge."""
    if account.sends_events(stack):
        yield Finding(Mark.OK, "S3's events", f"EventBridge is on for {stack.bucket}")
        return
    switch_on = (
        f"`aws s3api put-bucket-notification-configuration --bucket {stack.bucket} "
        "--notification-configuration EventBridgeConfiguration={}`; then wait five minutes"
    )
    found = f"EventBridge is off for {stack.bucket}: manifests start nothing"
    yield Finding(Mark.ERROR, "S3's events", found, switch_on)


def email(stack: Stack) -> Iterator[Finding]:
    """Whether anybody is notified of alarms."""
    address = stack.parameters.get("NotificationEmail", "")
    if not address:
        deploy = "run `sam deploy` with NotificationEmail in samconfig.toml's parameter_overrides"
        yield Finding(Mark.WARNING, "e-mail", "NotificationEmail is empty: alarms notify nobody", deploy)
    elif is_local():
        yield Finding(Mark.UNKNOWN, "e-mail", f"{address}: the local cloud sends no e-mail")
    else:
        yield _subscription(stack.outputs["NotificationsTopicArn"], address)


def _subscription(topic: str, address: str) -> Finding:
    """Whether an address has confirmed its subscription to the topic.

    https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html: until then the
    subscription's ARN is PendingConfirmation.
    """
    pages = client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    states = [
        entry["SubscriptionArn"]
        for page in pages
        for entry in page["Subscriptions"]
        if entry["Protocol"] == "email" and entry["Endpoint"] == address
    ]
    if any(state.startswith("arn:") for state in states):
        return Finding(Mark.OK, "e-mail", f"{address} is subscribed")
    if "PendingConfirmation" in states:
        return Finding(
            Mark.WARNING, "e-mail", f"{address} hasn't confirmed", "follow the link in AWS's message"
        )
    again = f"`aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint {address}`"
    return Finding(Mark.WARNING, "e-mail", f"{address} isn't subscribed (any more)", again)


def dead_letters(stack: Stack) -> Iterator[Finding]:
    """Whether a dead-letter queue holds messages that need attention."""
    for name, count in account.dead_letters(stack).items():
        if not count:
            yield Finding(Mark.OK, "dead letters", f"{name} is empty")
        else:
            advice = "see docs/operations.md, `A dead-letter queue holds a message`"
            yield Finding(Mark.WARNING, "dead letters", f"{name} holds {count}", advice)


CHECKS: dict[str, Callable[[Stack], Iterator[Finding]]] = {
    "stack": deployed,
    "quota": capacity,
    "approved model": approved_model,
    "S3's events": events,
    "e-mail": email,
    "dead letters": dead_letters,
}
