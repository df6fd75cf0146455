"""EventBridge's schedules: rules that send an event at a rate, first after one interval.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

import re
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from moto.events.exceptions import ValidationException
from moto.events.models import events_backends

from localcloud.core.cloud import Cloud
from localcloud.eventbridge.router import Event, Router

RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}
LOOK_SECONDS = 0.5


def seconds(expression: str) -> int:
    """The seconds of a `rate(15 minutes)`; ValidationException for a `cron(…)`, which is not supported."""
    rate = RATE.fullmatch(expression)
    if rate is None or int(rate[1]) == 0:
        raise ValidationException(
            f"ScheduleExpression {expression!r}: the local cloud knows rate(<number> minutes|hours|days)."
        )
    return int(rate[1]) * SECONDS[rate[2]]


class Clock:
    """Sends the events of scheduled rules when their time has come."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self._due: dict[tuple[str, str], float] = {}  # (rule, expression) → when, by the monotonic clock

    def run(self) -> None:
        """Look twice a second until the cloud stops."""
        while not self.cloud.stopping.wait(LOOK_SECONDS):
            self.look(time.monotonic())

    def look(self, now: float) -> None:
        """Fire what is due at `now`; a rule that is new, or has another rate, waits for its first time."""
        rules = [rule for rule in scheduled(self.cloud) if rule.state == "ENABLED"]
        due = {}
        for rule in rules:
            key, every = (rule.name, rule.scheduled_expression), seconds(rule.scheduled_expression)
            due[key] = self._due.get(key, now + every)
            if due[key] <= now:
                due[key] = now + every
                fire(self.cloud, rule.name)
        self._due = due


def scheduled(cloud: Cloud) -> list[Any]:
    """The rules that have a schedule."""
    rules = events_backends[cloud.account_id][cloud.region].event_buses["default"].rules.values()
    return [rule for rule in list(rules) if rule.scheduled_expression]


def fire(cloud: Cloud, name: str) -> None:
    """Send a rule's scheduled event now; KeyError when there is no such rule with a schedule."""
    rules = {rule.name: rule for rule in scheduled(cloud)}
    rule = rules[name]
    event: Event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": cloud.account_id,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": cloud.region,
        "resources": [rule.arn],
        "detail": {},
    }
    router = Router(cloud)
    for target in list(rule.targets):
        router.deliver(rule, target, event)
