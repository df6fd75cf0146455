"""What a batch will cost and take, by the rules of its report and the assumptions of `digits cost`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from batch_prediction.runs.cost import cost, price_per_hour
from cli.cost import instances as instances_of
from cli.cost_estimate import IMAGES_A_SECOND, START_UP

if TYPE_CHECKING:
    from batch_prediction.aws.types import TransformJobDescription


@dataclass(frozen=True)
class Expected:
    """An estimate: `cost` and `requests` as the report will have them, `seconds` that instances are billed.

    `cost` is None for an instance type whose price isn't known; `saved` is what an archive spares.
    """

    instance_type: str
    instances: int
    seconds: int
    requests: int
    cost: float | None
    saved: float
    currency: str = "USD"


def expected(images: int, requests: int | None, parameters: Mapping[str, str]) -> Expected:
    """Estimate a run of so many images, those of an archive with so many requests."""
    instance_type = parameters["TransformInstanceType"]
    instances = instances_of(images, int(parameters["MaxTransformInstances"]))
    seconds = START_UP + images / IMAGES_A_SECOND / instances
    begin = datetime.fromtimestamp(0, UTC)
    job = {
        "TransformStartTime": begin,
        "TransformEndTime": begin + timedelta(seconds=seconds),
        "TransformResources": {"InstanceCount": instances},
    }
    price = price_per_hour(instance_type, float(parameters["TransformPricePerHour"]))
    found = cost(price, cast("TransformJobDescription", job), images, requests)
    return Expected(
        instance_type,
        instances,
        round(seconds),
        images if requests is None else requests,
        found.estimate if found else None,
        found.saved if found else 0.0,
    )
