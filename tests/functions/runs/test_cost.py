"""Where a run's time went, and what it cost."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from batch_prediction.runs.cost import (
    PRICES,
    Cost,
    Time,
    cost,
    price_per_hour,
    time,
)

UPLOADED = datetime(2026, 11, 22, 15, 40, 22, tzinfo=UTC)


def job(**seconds: int) -> Any:
    """A job of two instances whose times lie so many seconds after the upload."""
    times = {name: UPLOADED + timedelta(seconds=after) for name, after in seconds.items()}
    return {"TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 2}, **times}


def test_the_parameter_overrides_the_table() -> None:
    """TransformPricePerHour is the price where it is set; a type that no table has, has none."""
    assert price_per_hour("ml.m5.large", 0.0) == PRICES["ml.m5.large"]
    assert price_per_hour("ml.m5.large", 0.5) == 0.5
    assert price_per_hour("ml.new.large", 0.0) is None


def test_all_instances_cost_from_start_to_end() -> None:
    """Two instances at work for half an hour are one instance hour; start-up isn't billed."""
    described = job(CreationTime=60, TransformStartTime=360, TransformEndTime=2160)
    assert cost(0.23, described, 0) == Cost(0.23, "USD", 0.23, 1.0, 0, 0.0)
    assert time(UPLOADED, described) == Time(60, 300, 1800)


def test_a_cost_has_four_decimals() -> None:
    """Two instances for one second at a dollar: hours and dollars are rounded for the report."""
    second = job(TransformStartTime=0, TransformEndTime=1)
    assert cost(1.0, second, 0) == Cost(0.0006, "USD", 1.0, 0.0006, 0, 0.0)
    assert cost(1.23456, second, 0) == Cost(0.0007, "USD", 1.23456, 0.0006, 0, 0.0)


def test_each_image_is_a_request() -> None:
    """A million GETs cost 0.40 dollars, which the estimate has beside the instances."""
    described = job(TransformStartTime=0, TransformEndTime=1800)
    assert cost(0.23, described, 1_000_000) == Cost(0.63, "USD", 0.23, 1.0, 1_000_000, 0.4)
    few = cost(0.23, described, 1_234)
    assert few
    assert few.requests_estimate == 0.0005


def test_common_types_have_a_price() -> None:
    """The default and its larger neighbour, and one with a GPU of each generation."""
    assert PRICES.keys() == {"ml.m5.large", "ml.m5.xlarge", "ml.g4dn.xlarge", "ml.g5.xlarge", "ml.g6.xlarge"}


@pytest.mark.parametrize(
    ("price", "described"),
    [
        (None, job(CreationTime=1, TransformStartTime=2, TransformEndTime=3)),
        (0.23, job(CreationTime=1, TransformEndTime=3)),
        (0.23, None),
    ],
)
def test_what_is_not_known_has_no_cost(price: float | None, described: Any) -> None:
    """Without a price, or without instances that ran, no amount is guessed."""
    assert cost(price, described, 1) is None


def test_a_job_that_never_started_has_the_time_that_is_known() -> None:
    """A part whose end never came is unknown, and clocks that disagree give zero, never less."""
    assert time(UPLOADED, job(CreationTime=60, TransformEndTime=90)) == Time(60, None, None)
    assert time(UPLOADED, job(CreationTime=-2)) == Time(0, None, None)
    assert time(UPLOADED, None) is None


@pytest.mark.parametrize(("after", "expected"), [(1.4, 1), (1.6, 2), (0.4, 0), (-0.6, 0)])
def test_seconds_are_rounded(after: float, expected: int) -> None:
    """To the nearest one, never below zero."""
    described: Any = {"CreationTime": UPLOADED + timedelta(seconds=after)}
    assert time(UPLOADED, described) == Time(expected, None, None)


def test_an_archive_s_images_cost_its_requests_and_save_their_own() -> None:
    """A million images in one: a thousand requests, instead of 0.40 dollars of GETs and 5.00 of PUTs."""
    described = job(CreationTime=60, TransformStartTime=360, TransformEndTime=2160)
    found = cost(0.23, described, 1_000_000, 1_000)
    assert found == Cost(0.2304, "USD", 0.23, 1.0, 1_000, 0.0004, 5.3996)
    single = cost(0.23, described, 1, 1)
    assert single is not None
    assert single.saved == 0.0
    many = cost(0.23, described, 10, 50)
    assert many is not None
    assert many.saved == 0.0  # 9 PUTs, less 40 GETs
    few = cost(0.23, described, 2, 900_000)
    assert few is not None
    assert few.saved == 0.0
