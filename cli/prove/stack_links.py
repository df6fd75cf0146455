"""The links around a batch: who is told, what repeats lost events, what is measured, what went wrong."""

from datetime import timedelta

from batch_prediction.aws.metrics import NAMESPACE
from cli.prove import account
from cli.prove.dropped import Dropped
from cli.prove.links import Broken, Link, Seen, Sight, Waiting
from cli.prove.run_links import MINUTE

SWEEP_PERIOD = timedelta(minutes=15)  # template.yaml, SweepRule


def around(good: Dropped) -> list[Link]:
    """The links that are the stack's, seen from a batch whose report exists."""
    stack = good.stack
    topic = stack.outputs["NotificationsTopicArn"]
    return [
        Link(
            "topic",
            "somebody is subscribed, and has confirmed it",
            "`sam deploy` with NotificationEmail, or `aws sns subscribe --topic-arn "
            f"{topic} --protocol email --notification-endpoint ADDRESS`; follow the link in AWS's message",
            0.0,
            lambda: subscribed(good),
        ),
        Link(
            "sweep",
            "an invocation without an error in the last 15 minutes",
            f"`aws logs tail /aws/lambda/{stack.group}-sweep --since 1d` shows the reason",
            SWEEP_PERIOD.total_seconds() + 2 * MINUTE,
            lambda: swept(good),
        ),
        Link(
            "metrics",
            f"{len(good.entries)} Expected in the namespace {NAMESPACE}",
            f"look for the line with _aws in the log /aws/lambda/{stack.group}-write-report",
            5 * MINUTE,
            lambda: measured(good),
        ),
        Link(
            "dead letters",
            "all dead-letter queues are empty",
            "see docs/operations.md, `A dead-letter queue holds a message`",
            0.0,
            lambda: undelivered(good),
        ),
    ]


def subscribed(good: Dropped) -> Sight:
    """Whom the topic tells."""
    found = account.subscriptions(good.stack)
    return Seen(", ".join(found)) if found else Broken("no confirmed subscription")


def swept(good: Dropped) -> Sight:
    """What the sweep has logged since one period before the drop."""
    logged = account.function_lines(good.stack, "sweep", good.began - SWEEP_PERIOD)
    if found := account.errors(logged):
        return Broken(found[-1])
    return Seen(f"{len(logged)} lines in its log") if logged else Waiting("its log is empty")


def measured(good: Dropped) -> Sight:
    """The metric that write_report prints, as CloudWatch has it."""
    found = account.metric(NAMESPACE, "Expected", {"Name": good.stack.group}, good.began)
    return Seen(f"{found:.0f} Expected") if found >= len(good.entries) else Waiting(f"{found:.0f} Expected")


def undelivered(good: Dropped) -> Sight:
    """What the dead-letter queues hold."""
    counts = account.dead_letters(good.stack)
    holding = [f"{name} holds {count}" for name, count in counts.items() if count]
    return Broken(", ".join(holding)) if holding else Seen(", ".join(counts))
