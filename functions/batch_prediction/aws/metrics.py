"""CloudWatch metrics as log lines in the embedded metric format: no request, and nothing to import.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import sys
import time

import orjson

NAMESPACE = "DigitBatch"


def emit(name: str, values: dict[str, tuple[float, str]], **properties: str) -> None:
    """Print metrics of the stack `name`, each a value and its unit, with `properties` to search for."""
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [["Name"]],
        "Metrics": [{"Name": metric, "Unit": unit} for metric, (_, unit) in values.items()],
    }
    line = {
        "_aws": {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [directive]},
        "Name": name,
        **properties,
        **{metric: value for metric, (value, _) in values.items()},
    }
    sys.stdout.write(orjson.dumps(line).decode() + "\n")
