"""What happens in the local cloud, in sentences: what a person who watches `digits up` wants to know."""

import json
import re
from datetime import datetime
from typing import Any

from batch_prediction.layout import INCOMING
from localcloud.core.activity import Activity

_DECISION = re.compile(r"(?P<kind>\w+)\(lines=(?P<lines>\d+)\b")
_VERSION = re.compile(r"model-package/[^/']+/(?P<version>\d+)'")
_REASON = re.compile(r"\breason=(?P<reason>'.*?'|\".*?\")(?:, \w+=|\)$)")
_RUN = re.compile(r"\d{8}t\d{6}z-[0-9a-f]{8}")  # as batch_prediction.layout names runs
_INCOMING = re.compile(rf"s3://[^/\s]+/{INCOMING}")  # there is one bucket: its name says nothing
_STATUSES = {
    "InProgress": "started",
    "Starting": "started",  # of a training, whose InProgress has steps
    "Stopping": "is being stopped",
    "Completed": "completed",
    "Failed": "failed",
    "Stopped": "stopped",
    "MaxRuntimeExceeded": "stopped: its time was over",
}
# Powertools' own keys of a line (https://docs.aws.amazon.com/powertools/python/latest/core/logger/#standard-structured-keys)
_OWN_KEYS = {
    *("level", "location", "message", "timestamp", "service", "sampling_rate", "cold_start", "xray_trace_id"),
    *("exception", "exception_name", "stack_trace", "batch", "run"),
}
_QUIET = {"nothing to report"}
_MOST = 300  # characters of one value


class Sentences:
    """Makes sentences of activities, and remembers what a later one is told with: a run's batch."""

    def __init__(self) -> None:
        self._batches: dict[str, str] = {}  # by run
        self._deployments: dict[str, tuple[datetime, set[str]]] = {}  # by stack: since when, its resources

    def of(self, activity: Activity) -> str | None:
        """One activity as a sentence; None for what is a part of something else, or of no interest."""
        match activity.kind:
            case "stack":
                return self._stack(activity)
            case "log":
                return self._line(activity.name, activity.text)
            case "job":
                return self._job(activity.name, activity.text)
            case "event":
                return f"rule {activity.name}: {activity.text}" if " failed: " in activity.text else None
            case "function":
                return None if activity.text == "done" else f"{activity.name} {activity.text}"
            case "denial":
                return f"denied to {activity.name}: {activity.text}"
            case "notification":
                return f"notification: {activity.text}"
        return f"{activity.name}: {activity.text}"

    def resources(self, stack: str) -> int:
        """How many resources of a stack are there, of the operation that is under way."""
        return len(self._deployments[stack][1]) if stack in self._deployments else 0

    def _stack(self, activity: Activity) -> str | None:
        since, resources = self._deployments.setdefault(activity.name, (activity.at, set()))
        resource, _, status = activity.text.rpartition(" ")
        if not resource and status.endswith(("_COMPLETE", "_FAILED")):  # of the whole stack
            del self._deployments[activity.name]
            seconds = (activity.at - since).total_seconds()
            return f"stack {activity.name}: {status}, {_many(len(resources), 'resource')}, {seconds:.0f} s"
        if status.endswith("_COMPLETE"):
            resources.add(resource)
        if "_FAILED" in activity.text or "ROLLBACK" in activity.text:
            return f"stack {activity.name}: {activity.text}"
        return None

    def _job(self, name: str, text: str) -> str | None:
        kind, _, status = text.rpartition(" ")
        if status not in _STATUSES:  # a training's steps
            return None
        run = _RUN.search(name)
        batch = self._batches.get(run[0]) if run else None
        if run and batch is None and status == "InProgress":
            return None  # the decision that follows says it, and of which batch
        return f"{self._of_batch(batch)}{kind}{'' if batch else ' ' + name} {_STATUSES[status]}"

    def _line(self, function: str, text: str) -> str | None:
        """A structured line of a function's log."""
        if not text.startswith("{"):
            return None
        try:
            line: dict[str, Any] = json.loads(text)
        except ValueError:
            return None
        message, batch, run = line.get("message"), line.get("batch"), line.get("run")
        if not isinstance(message, str) or message in _QUIET:
            return None
        if batch and run:
            self._batches[str(run)] = str(batch)
        if message == "run decided":
            return self._of_batch(batch) + _decision(str(line.get("decision")))
        said = ", ".join(
            _value(key, str(value)[:_MOST])
            for key, value in line.items()
            if key not in _OWN_KEYS and not key.startswith("function_")
        )
        warned = f"{function}: " if line.get("level") != "INFO" else ""
        told = f"{warned}{self._of_batch(batch)}{message}" + (f" ({said})" if said else "")
        return _INCOMING.sub(INCOMING, told)

    @staticmethod
    def _of_batch(batch: Any) -> str:
        return f"batch {batch}: " if batch else ""


def _decision(text: str) -> str:
    """A decision of start_transform, from the text of its dataclass."""
    decided, version, reason = _DECISION.match(text), _VERSION.search(text), _REASON.search(text)
    if decided and decided["kind"] == "Start":
        model = f" with model {version['version']}" if version else ""
        return f"run started{model}, {_many(int(decided['lines']), 'image')}"
    return f"not started: {reason['reason'][1:-1]}" if reason else text[:_MOST]


def _value(key: str, value: str) -> str:
    """A value of a line, with what it is: `next look in 30 s`."""
    if key.endswith("_in_seconds"):
        return f"{key.removesuffix('_seconds').replace('_', ' ')} {value} s"
    return f"{key.replace('_', ' ')} {value}"


def _many(count: int, thing: str) -> str:
    return f"{count:,} {thing}" + ("" if count == 1 else "s")
