"""What batches cost a month, before anything is deployed: quantities times prices, each with its source.

Prices are on-demand ones of us-east-1, without free tiers and taxes; other regions cost up to a third more.
"""

from dataclasses import dataclass
from math import ceil

from batch_prediction.runs.cost import PRICE_OF_A_GET
from batch_prediction.runs.parts import part_sizes
from batch_prediction.start.references import MAX_RANGE

SAGEMAKER = "https://aws.amazon.com/sagemaker/pricing/"
S3 = "https://aws.amazon.com/s3/pricing/"
LAMBDA = "https://aws.amazon.com/lambda/pricing/"
CLOUDWATCH = "https://aws.amazon.com/cloudwatch/pricing/"

PRICE_OF_A_PUT = 0.005 / 1000  # PUT, COPY, POST and LIST alike
PRICE_OF_STORAGE = 0.023  # a GB and month of S3 Standard
PRICE_OF_A_GB_SECOND = {"x86_64": 0.0000166667, "arm64": 0.0000133334}
PRICE_OF_AN_INVOCATION = 0.20 / 1_000_000
PRICE_OF_AN_ALARM = 0.10  # a month
PRICE_OF_A_METRIC = 0.30  # a month

# What template.yaml deploys.
BATCH_MEMORY = 1.769  # GB of start_transform and write_report
SWEEP_MEMORY = 0.512
SWEEPS = 30 * 24 * 4  # a month, one every 15 minutes
ALARMS = 5
METRICS = 8

# Assumed, as nobody has measured it in AWS.
IMAGES_A_SECOND = 500.0  # of an instance with two processors: boto3 takes 2 ms of one for each image
START_UP = 120.0  # billed seconds of an instance before its first image: pulling and starting the container
START_SECONDS, START_SECONDS_AN_IMAGE = (
    2.0,
    200e-6,
)  # of start_transform: listing, two readings of the manifest
LOOKS = 3  # at a run by start_transform, each listing: images arrive while it looks
REPORT_SECONDS, REPORT_SECONDS_AN_IMAGE = 3.0, 50e-6
SWEEP_SECONDS = 3.0
BYTES_A_LINE = 600  # of the manifest, input, output and predictions.csv together
BYTES_A_REPORT = 500_000
BYTES_A_MEMBER = 150  # of a zip beside its image: two headers with its name
BYTES_A_PUT = 8 * 1024 * 1024  # boto3's and aws s3 cp's part of a multipart upload
OTHER_PUTS, OTHER_GETS = 12, 30  # of a run: decision, report, pages, index, and what they are made from


@dataclass(frozen=True)
class Batches:
    """What is asked for: so many batches a month, each of so many images, and what reads them."""

    images: int
    batches: int
    price_per_hour: float  # of an instance
    instances: int = 1  # that share a batch
    images_a_second: float = IMAGES_A_SECOND  # of one instance
    image_bytes: int = 300
    months_kept: int = 1
    architecture: str = "x86_64"
    archive: bool = False  # each batch is a zip

    @property
    def archive_bytes(self) -> int:
        """The size of a batch's zip."""
        return self.images * (self.image_bytes + BYTES_A_MEMBER)


@dataclass(frozen=True)
class Line:
    """One kind of cost: how much of it a batch takes, or the stack in a month, and USD for a month."""

    what: str
    quantity: str
    price: str
    month: float
    source: str


def estimate(asked: Batches) -> list[Line]:
    """Every kind of cost of a month."""
    return [_instances(asked), *_requests(asked), *_functions(asked), _storage(asked), *_fixed()]


def _instances(asked: Batches) -> Line:
    busy = asked.images / asked.images_a_second
    hours = (busy + START_UP * asked.instances) / 3600
    return Line(
        "transform instances",
        f"{hours:.2f} hours",
        f"{asked.price_per_hour} an hour",
        asked.batches * hours * asked.price_per_hour,
        SAGEMAKER,
    )


def _requests(asked: Batches) -> list[Line]:
    parts = sum(1 for _ in part_sizes(asked.images))
    lists = 0 if asked.archive else LOOKS * ceil(asked.images / 1000)
    puts, gets = asked.images, asked.images
    if asked.archive:  # its directory is read as well, in pieces of the same size
        puts = ceil(asked.archive_bytes / BYTES_A_PUT) + 2 * (asked.archive_bytes > BYTES_A_PUT)
        gets = ceil(asked.archive_bytes / MAX_RANGE) + 1
    others = OTHER_PUTS + 2 * parts + lists, OTHER_GETS + 2 * parts
    return [
        Line(
            "uploading the images",
            f"{puts:,} PUT{'' if puts == 1 else 's'}",
            f"{PRICE_OF_A_PUT * 1000} for 1,000",
            asked.batches * puts * PRICE_OF_A_PUT,
            S3,
        ),
        Line(
            "reading the images",
            f"{gets:,} GET{'' if gets == 1 else 's'}",
            f"{PRICE_OF_A_GET * 1000} for 1,000",
            asked.batches * gets * PRICE_OF_A_GET,
            S3,
        ),
        Line(
            "other requests",
            f"{others[0]:,} PUTs, {others[1]:,} GETs",
            "as above",
            asked.batches * (others[0] * PRICE_OF_A_PUT + others[1] * PRICE_OF_A_GET),
            S3,
        ),
    ]


def _functions(asked: Batches) -> list[Line]:
    start = LOOKS * (START_SECONDS + asked.images * START_SECONDS_AN_IMAGE)
    report = REPORT_SECONDS + asked.images * REPORT_SECONDS_AN_IMAGE
    return [
        _function(asked, "Lambda", (start + report) * BATCH_MEMORY, LOOKS + 1, asked.batches),
        _function(asked, "the sweep, a month", SWEEPS * SWEEP_SECONDS * SWEEP_MEMORY, SWEEPS, 1),
    ]


def _function(asked: Batches, what: str, gb_seconds: float, invocations: int, times: int) -> Line:
    price = PRICE_OF_A_GB_SECOND[asked.architecture]
    each = gb_seconds * price + invocations * PRICE_OF_AN_INVOCATION
    return Line(what, f"{gb_seconds:,.0f} GB-s", f"{price:.10f} a GB-s", times * each, LAMBDA)


def _storage(asked: Batches) -> Line:
    each = (asked.images * (asked.image_bytes + BYTES_A_LINE) + BYTES_A_REPORT) / 1e9
    return Line(
        "storage",
        f"{each:.2f} GB",
        f"{PRICE_OF_STORAGE} a GB" + (f" × {asked.months_kept}" if asked.months_kept > 1 else ""),
        asked.batches * asked.months_kept * each * PRICE_OF_STORAGE,
        S3,
    )


def _fixed() -> list[Line]:
    return [
        Line(
            "alarms, a month",
            f"{ALARMS}",
            f"{PRICE_OF_AN_ALARM} each",
            ALARMS * PRICE_OF_AN_ALARM,
            CLOUDWATCH,
        ),
        Line(
            "metrics, a month",
            f"{METRICS}",
            f"{PRICE_OF_A_METRIC} each",
            METRICS * PRICE_OF_A_METRIC,
            CLOUDWATCH,
        ),
    ]
