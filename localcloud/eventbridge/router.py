"""EventBridge: events through the rules of the default bus to queues, functions and topics.

One thread routes all events, in the order in which they came. AWS promises neither order nor exactly one
delivery; here both hold.
"""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

from moto.events.models import events_backends

from localcloud.cloudwatch import publish
from localcloud.core.cloud import Cloud
from localcloud.eventbridge.delivery import deliver
from localcloud.eventbridge.errors import DeliveryError
from localcloud.iam.targets import refusal

Event = dict[str, Any]


class Router:
    """Matches every event with the rules of its bus and delivers it to their targets."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def run(self) -> None:
        """Route events until the cloud stops, each in a thread of its own: an error ends that one alone."""
        while not self.cloud.stopping.is_set():
            event = self.cloud.events.get()
            if event is not None:
                self.cloud.spawn(partial(self.route, event), f"event {event['detail-type']}").join()
                with self.cloud.gate.change():
                    self.cloud.unrouted.pop(event["id"], None)

    def route(self, event: Event) -> None:
        """Deliver one event to the targets of every enabled rule whose pattern it matches."""
        buses = events_backends[self.cloud.account_id][self.cloud.region].event_buses
        for rule in list(buses["default"].rules.values()):
            pattern = rule.event_pattern
            if rule.state == "ENABLED" and pattern.get_pattern() and pattern.matches_event(cast(Any, event)):
                self._count(rule, "MatchedEvents")
                for target in list(rule.targets):
                    self.deliver(rule, target, event)

    def deliver(self, rule: Any, target: Mapping[str, Any], event: Event) -> None:
        """Deliver to one target; what can't be delivered goes to its dead-letter queue, if it has one.

        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
        """
        arn, body = target["Arn"], _input(target, event)
        outcome = f"{event['detail-type']} → {arn.rsplit(':', 1)[-1]}"
        try:
            self._send(rule, arn, body)
        except DeliveryError as error:
            self._count(rule, "FailedInvocations")
            outcome += f" failed: {error}"
            dead_letters = target.get("DeadLetterConfig", {}).get("Arn")
            if dead_letters:
                attributes = {
                    "ERROR_CODE": error.code,
                    "ERROR_MESSAGE": str(error),
                    "RULE_ARN": rule.arn,
                    "TARGET_ARN": arn,
                }
                outcome += self._send_to_dead_letters(rule, dead_letters, json.dumps(event), attributes)
        self.cloud.log_activity("event", rule.name, outcome)

    def _count(self, rule: Any, metric: str) -> None:
        """Publish one of https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html."""
        publish(self.cloud, "AWS/Events", {metric: 1}, {"RuleName": rule.name})

    def _send(self, rule: Any, arn: str, body: str, attributes: Mapping[str, str] | None = None) -> None:
        """Deliver to a target that lets the rule; DeliveryError otherwise."""
        reason = refusal(self.cloud, rule.arn, arn)
        if reason is not None:
            self.cloud.log_activity("denial", rule.name, reason)
            raise DeliveryError("NO_PERMISSIONS", reason)
        deliver(self.cloud, arn, body, attributes)

    def _send_to_dead_letters(
        self, rule: Any, dead_letters: str, body: str, attributes: dict[str, str]
    ) -> str:
        try:
            self._send(rule, dead_letters, body, attributes)
        except DeliveryError as error:
            return f"; its dead-letter queue too: {error}"
        return f"; sent to {dead_letters.rsplit(':', 1)[-1]}"


def _input(target: Mapping[str, Any], event: Event) -> str:
    """What a target gets: the event, the part of it that InputPath names, or Input itself."""
    if "Input" in target:
        return str(target["Input"])
    part: Any = event
    for name in target.get("InputPath", "$").split(".")[1:]:
        part = part.get(name) if isinstance(part, dict) else None
    return json.dumps(part)


def put_events(cloud: Cloud, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """PutEvents: one answer an entry, an EventId or an ErrorCode.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
    """
    answers = []
    for entry in entries:
        missing = [name for name in ("Source", "DetailType", "Detail") if not entry.get(name)]
        bus = entry.get("EventBusName", "default").rsplit("/", 1)[-1]
        if missing:
            message = f"Parameter {missing[0]} is not valid. Reason: {missing[0]} is a required argument."
            answers.append({"ErrorCode": "InvalidArgument", "ErrorMessage": message})
        elif entry["Source"].startswith("aws."):
            message = "Not authorized for the source."
            answers.append({"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": message})
        elif bus != "default":
            message = f"The local cloud has the default bus only, not {bus}."
            answers.append({"ErrorCode": "InvalidArgument", "ErrorMessage": message})
        else:
            try:
                detail = json.loads(entry["Detail"])
            except ValueError:
                answers.append({"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."})
                continue
            identifier = cloud.emit(entry["Source"], entry["DetailType"], detail, entry.get("Resources", []))
            answers.append({"EventId": identifier})
    return answers
