"""EventBridge: events through the rules of the default bus to queues, functions and topics.

One thread routes all events, in the order in which they came. AWS promises neither order nor exactly one
delivery; here both hold.
"""

import itertools
import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

from moto.events.models import EventPatternParser, EventsBackend, events_backends
from moto.s3 import notifications
from moto.s3.models import S3Backend

from localcloud.core.cloud import Cloud
from localcloud.eventbridge.delivery import DeliveryError, deliver
from localcloud.eventbridge.patterns import refuse_unmatchable
from localcloud.iam.targets import refusal

Event = dict[str, Any]

# moto's name → the reason of an Object Created event; S3's other events are not sent
CREATED = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
}
_sequence = itertools.count(time.time_ns())


def created_detail(bucket: Any, key: Any, reason: str) -> Event:
    """The detail of an Object Created event as documented; keys are not URL-encoded.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    described = {
        "key": key.name,
        "size": key.size,
        "etag": key.etag.strip('"'),
        "sequencer": f"{next(_sequence):016X}",
    }
    if bucket.is_versioned:
        described["version-id"] = key.version_id
    return {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": described,
        "request-id": uuid.uuid4().hex[:16].upper(),
        "requester": Cloud.account_id,
        "source-ip-address": "127.0.0.1",
        "reason": reason,
    }


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

    def route(self, event: Event) -> None:
        """Deliver one event to the targets of every enabled rule whose pattern it matches."""
        buses = events_backends[self.cloud.account_id][self.cloud.region].event_buses
        for rule in list(buses["default"].rules.values()):
            pattern = rule.event_pattern
            if rule.state == "ENABLED" and pattern.get_pattern() and pattern.matches_event(cast(Any, event)):
                for target in list(rule.targets):
                    self.deliver(rule, target, event)

    def deliver(self, rule: Any, target: Mapping[str, Any], event: Event) -> None:
        """Deliver to one target; what can't be delivered goes to its dead-letter queue, if it has one.

        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
        """
        arn, body = target["Arn"], _input(target, event)
        told = f"{event['detail-type']} → {arn.rsplit(':', 1)[-1]}"
        try:
            self._send(rule, arn, body)
        except DeliveryError as error:
            told += f" failed: {error}"
            dead_letters = target.get("DeadLetterConfig", {}).get("Arn")
            if dead_letters:
                attributes = {
                    "ERROR_CODE": error.code,
                    "ERROR_MESSAGE": str(error),
                    "RULE_ARN": rule.arn,
                    "TARGET_ARN": arn,
                }
                told += self._bury(rule, dead_letters, json.dumps(event), attributes)
        self.cloud.tell("event", rule.name, told)

    def _send(self, rule: Any, arn: str, body: str, attributes: Mapping[str, str] | None = None) -> None:
        """Deliver to a target that lets the rule; DeliveryError otherwise."""
        reason = refusal(self.cloud, rule.arn, arn)
        if reason is not None:
            self.cloud.tell("denial", rule.name, reason)
            raise DeliveryError("NO_PERMISSIONS", reason)
        deliver(self.cloud, arn, body, attributes)

    def _bury(self, rule: Any, dead_letters: str, body: str, attributes: dict[str, str]) -> str:
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


def plug_in(cloud: Cloud) -> None:
    """Put S3's notifications and PutEvents on the dispatcher thread's queue; check the patterns of rules."""
    operation = threading.local()  # the one of S3 that a thread is in; moto announces a put inside of others

    def notify(_account: str, bucket: Any, event_name: str, key: Any) -> None:
        name = str(getattr(event_name, "value", event_name))
        during = getattr(operation, "name", None)
        if during == "CompleteMultipartUpload" and name == "s3:ObjectCreated:Put":
            return
        if during == "CopyObject" and name == "s3:ObjectCreated:Put":
            name = "s3:ObjectCreated:Copy"
        if name in CREATED:
            detail = created_detail(bucket, key, CREATED[name])
            cloud.emit("aws.s3", "Object Created", detail, [bucket.arn])

    def within(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            operation.name = name
            try:
                return original(*args, **options)
            finally:
                operation.name = None

        return run

    for name, method in (
        ("CompleteMultipartUpload", "complete_multipart_upload"),
        ("CopyObject", "copy_object"),
    ):
        cloud.patch(S3Backend, method, within(name, getattr(S3Backend, method)))

    def parse_pattern(parser: EventPatternParser) -> dict[str, Any]:
        pattern: dict[str, Any] = parse(parser)
        refuse_unmatchable(pattern)
        return pattern

    parse = cloud.patch(EventPatternParser, "parse", parse_pattern)
    cloud.patch(notifications, "_send_event_bridge_message", notify)
    cloud.patch(EventsBackend, "put_events", lambda _backend, events: put_events(cloud, events))
    cloud.spawn(Router(cloud).run, "events")
