"""How a run spent its time, and what it cost: an estimate, at the price that was frozen in run.json."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batch_prediction.aws.types import TransformJobDescription

CURRENCY = "USD"
# A GET and a PUT in S3 Standard, us-east-1: https://aws.amazon.com/s3/pricing/
PRICE_OF_A_GET = 0.0004 / 1000
PRICE_OF_A_PUT = 0.005 / 1000
# On-demand prices an hour in us-east-1, from third parties' tables: an estimate, and perhaps out of date.
# The stack's parameter TransformPricePerHour overrides them. The truth: https://aws.amazon.com/sagemaker/pricing/
PRICES = {
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.g4dn.xlarge": 0.736,
    "ml.g5.xlarge": 1.408,
    "ml.g6.xlarge": 1.127,
}


@dataclass(frozen=True)
class Time:
    """Seconds from the manifest's upload to the job, to its start on instances, and to its end."""

    waiting: float | None
    start_up: float | None
    compute: float | None


@dataclass(frozen=True)
class Cost:
    """What a job's instances and its requests for images cost, about."""

    estimate: float  # of both
    currency: str
    price_per_hour: float  # of one instance
    instance_hours: float
    requests: int  # a GET an image; of an archive, one a range (start/references.py)
    requests_estimate: float
    saved: float = 0.0  # by an archive: its images' GETs and PUTs as objects of their own, less its own


def price_per_hour(instance_type: str, parameter: float) -> float | None:
    """What an instance costs an hour: the stack's parameter unless it is 0, else the table's or None."""
    return parameter or PRICES.get(instance_type)


def time(uploaded: datetime, job: "TransformJobDescription | None") -> Time | None:
    """The time of a run whose job was described so; None without a job."""
    if job is None:
        return None
    created, started, ended = (
        job.get("CreationTime"),
        job.get("TransformStartTime"),
        job.get("TransformEndTime"),
    )
    return Time(_seconds(uploaded, created), _seconds(created, started), _seconds(started, ended))


def cost(
    price: float | None, job: "TransformJobDescription | None", images: int, requests: int | None = None
) -> Cost | None:
    """What a job of so many images cost, those of an archive with so many requests.

    None when it never ran, or the instances' price isn't known.

    "You are billed for the time interval between this time and the value of TransformEndTime", says of
    TransformStartTime https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTransformJob.html
    """
    if job is None or price is None:
        return None
    seconds = _seconds(job.get("TransformStartTime"), job.get("TransformEndTime"))
    if seconds is None:
        return None
    hours = job["TransformResources"]["InstanceCount"] * seconds / 3600
    gets = images if requests is None else requests
    price_of_gets = gets * PRICE_OF_A_GET
    return Cost(
        estimate=round(hours * price + price_of_gets, 4),
        currency=CURRENCY,
        price_per_hour=price,
        instance_hours=round(hours, 4),
        requests=gets,
        requests_estimate=round(price_of_gets, 4),
        saved=0.0 if requests is None else round(_saved(images, requests), 4),
    )


def _saved(images: int, requests: int) -> float:
    """What so many images would have cost more as objects than in an archive: never less than nothing."""
    return max(0.0, (images - requests) * PRICE_OF_A_GET + (images - 1) * PRICE_OF_A_PUT)


def _seconds(begin: datetime | None, end: datetime | None) -> float | None:
    """Whole seconds, as the API's clock has them at best; never below zero, even if two clocks disagree."""
    return None if begin is None or end is None else max(0, round((end - begin).total_seconds()))
