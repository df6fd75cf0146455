"""A training job's metrics, read from its log by the regular expressions of its definition."""

import re
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from moto.core.utils import utcnow

from localcloud.sagemaker.errors import invalid


class Metrics:
    """The last value of each metric.

    `definitions` are AlgorithmSpecification's MetricDefinitions: a Name, and a Regex whose first group is a
    number (https://docs.aws.amazon.com/sagemaker/latest/dg/define-train-metrics.html). Raise a
    ValidationException for an expression that can't be used.
    """

    def __init__(self, definitions: Iterable[Mapping[str, str]]) -> None:
        self._expressions = {definition["Name"]: _compile(definition) for definition in definitions}
        self._last: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def read(self, line: str) -> None:
        """Record the metrics that one line of the log shows; a value that isn't a number is skipped."""
        for name, expression in self._expressions.items():
            for match in expression.finditer(line):
                try:
                    value = float(match[1])
                except ValueError:
                    continue
                with self._lock:
                    self._last[name] = {"MetricName": name, "Value": value, "Timestamp": utcnow()}

    def final(self) -> list[dict[str, Any]]:
        """Return FinalMetricDataList, in the order in which the metrics first appeared."""
        with self._lock:
            return list(self._last.values())


def _compile(definition: Mapping[str, str]) -> re.Pattern[str]:
    name, text = definition["Name"], definition["Regex"]
    try:
        expression = re.compile(text)
    except re.error as error:
        raise invalid(
            f"The regular expression {text!r} of metric {name!r} can't be used: {error}."
        ) from error
    if expression.groups < 1:
        raise invalid(f"The regular expression {text!r} of metric {name!r} has no group around the value.")
    return expression
