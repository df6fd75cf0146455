"""What moto's EventBridge takes although AWS refuses it."""

from typing import Any

from moto.events.models import EventPatternParser, EventsBackend

from localcloud.core.cloud import Cloud
from localcloud.eventbridge.patterns import refuse_unmatchable
from localcloud.eventbridge.schedules import seconds


def plug_in(cloud: Cloud) -> None:
    """Refuse rules that could never send anything."""

    def parse_pattern(parser: EventPatternParser) -> dict[str, Any]:
        """Refuse a pattern that can't be matched with anything.

        Upstream: EventPatternParser.parse, checking operators and their operands as `patterns` does.
        """
        pattern: dict[str, Any] = parse(parser)
        refuse_unmatchable(pattern)
        return pattern

    def put_rule(backend: Any, name: str, **values: Any) -> Any:
        """Refuse a schedule that can't be read.

        Upstream: EventsBackend.put_rule; it would have to take `cron(…)`, too, which is refused here.
        """
        if values.get("scheduled_expression"):
            seconds(values["scheduled_expression"])
        return put(backend, name, **values)

    parse = cloud.patch(EventPatternParser, "parse", parse_pattern)
    put = cloud.patch(EventsBackend, "put_rule", put_rule)
