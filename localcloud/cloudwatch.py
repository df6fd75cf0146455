"""CloudWatch's metrics: what services publish about themselves, and what functions print as log lines."""

import json
from collections.abc import Mapping
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from localcloud.core.cloud import Cloud


def publish(cloud: Cloud, namespace: str, values: Mapping[str, float], dimensions: Mapping[str, str]) -> None:
    """Keep one value of each metric, with the time of this call."""
    named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    cloudwatch_backends[cloud.account_id][cloud.region].put_metric_data(
        namespace,
        [{"MetricName": name, "Value": value, "Dimensions": named} for name, value in values.items()],
    )


def publish_printed(cloud: Cloud, line: str) -> None:
    """Publish the metrics of a line in the embedded metric format; any other line has none.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    if not line.startswith("{") or '"_aws"' not in line:
        return
    try:
        printed: dict[str, Any] = json.loads(line)
    except ValueError:
        return
    for directive in printed["_aws"]["CloudWatchMetrics"]:
        values = {metric["Name"]: printed[metric["Name"]] for metric in directive["Metrics"]}
        for names in directive["Dimensions"]:
            publish(cloud, directive["Namespace"], values, {name: printed[name] for name in names})
