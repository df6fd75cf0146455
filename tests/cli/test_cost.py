"""`digits cost`: what it counts, where its prices and its stack's sizes come from, and what it prints."""

import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from batch_prediction.events import CAPACITY, IMAGES
from batch_prediction.report import announcement
from cli import cost, cost_estimate
from cli.cost_estimate import Batches, Line, estimate
from cli.main import app
from tests.cli.moto_account import deploy, empty_account
from tests.settings_and_events import SETTINGS
from tests.template.document import function, of_type, template


def run(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(app, ["cost", *arguments], env={"COLUMNS": "80"})


def as_json(*arguments: str) -> dict[str, Any]:
    """What it prints for programs."""
    result = run("--json", *arguments)
    assert result.exit_code == 0, result.output
    printed: dict[str, Any] = json.loads(result.output)
    return printed


def lines(asked: Batches) -> dict[str, Line]:
    """The estimate by name."""
    return {line.what: line for line in estimate(asked)}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account."""
    with empty_account(monkeypatch):
        yield


def test_quantities_times_prices() -> None:
    """30 batches of 100,000 images, by hand: 320 billed seconds each, and a PUT and a GET for each image."""
    found = lines(Batches(images=100_000, batches=30, price_per_hour=0.115))
    assert {what: round(line.month, 4) for what, line in found.items()} == {
        "transform instances": round(30 * (100_000 / 500 + 120) / 3600 * 0.115, 4),
        "uploading the images": 15.0,
        "reading the images": 1.2,
        "other requests": round(30 * ((12 + 2 * 100 + 300) * 5e-6 + (30 + 2 * 100) * 4e-7), 4),
        "Lambda": round(30 * ((3 * 22 + 8) * 1.769 * 0.0000166667 + 4 * 2e-7), 4),
        "the sweep, a month": round(2880 * (3 * 0.512 * 0.0000166667 + 2e-7), 4),
        "storage": round(30 * (100_000 * 900 + 500_000) / 1e9 * 0.023, 4),
        "alarms, a month": 0.5,
        "metrics, a month": 2.4,
    }
    assert found["transform instances"].quantity == "0.09 hours"
    assert found["reading the images"].quantity == "100,000 GETs"
    assert all(line.source.startswith("https://aws.amazon.com/") for line in found.values())


def test_what_is_asked_changes_its_line_alone() -> None:
    """More instances start up more often, slower ones take longer, larger images take more space."""
    usual = Batches(images=1_000_000, batches=1, price_per_hour=1.0)
    before = lines(usual)

    def changed(**what: Any) -> dict[str, float]:
        after = lines(Batches(**({"images": 1_000_000, "batches": 1, "price_per_hour": 1.0} | what)))
        return {name: line.month - before[name].month for name, line in after.items() if line != before[name]}

    assert changed(instances=4) == {"transform instances": pytest.approx(3 * 120 / 3600)}
    assert changed(images_a_second=250.0) == {"transform instances": pytest.approx(2000 / 3600)}
    assert changed(image_bytes=1300) == {"storage": pytest.approx(0.023)}
    assert changed(months_kept=2) == {"storage": pytest.approx(before["storage"].month)}
    assert changed(architecture="arm64").keys() == {"Lambda", "the sweep, a month"}
    assert all(saved < 0 for saved in changed(architecture="arm64").values())


def test_an_archive_costs_few_requests() -> None:
    """5 MB in one PUT and six GETs of a megabyte; 500 MB likewise, whose upload has parts of 8 MiB."""
    small = lines(Batches(images=10_000, batches=2, price_per_hour=1.0, image_bytes=350, archive=True))
    assert small["uploading the images"].quantity == "1 PUT"
    assert small["reading the images"].quantity == "6 GETs"
    assert small["reading the images"].month == pytest.approx(2 * 6 * 0.4e-6)
    assert small["other requests"].quantity == "32 PUTs, 50 GETs"
    large = lines(Batches(images=1_000_000, batches=1, price_per_hour=1.0, image_bytes=350, archive=True))
    assert large["uploading the images"].quantity == "62 PUTs"
    assert large["uploading the images"].month == pytest.approx(62 * 5e-6)
    assert large["reading the images"].quantity == "478 GETs"


def test_the_stack_is_that_of_the_template() -> None:
    """Defaults, memory, alarms and the sweep's schedule are template.yaml's."""
    parameters = template()["Parameters"]
    assert {name: str(parameters[name]["Default"]) for name in cost.DEFAULTS} == cost.DEFAULTS
    for name in ("StartTransform", "WriteReport"):
        assert function(name)["MemorySize"] == cost_estimate.BATCH_MEMORY * 1000
    assert function("Sweep")["MemorySize"] == cost_estimate.SWEEP_MEMORY * 1000
    assert len(of_type("AWS::CloudWatch::Alarm")) == cost_estimate.ALARMS
    (rule,) = (
        rule["ScheduleExpression"]
        for rule in of_type("AWS::Events::Rule").values()
        if "ScheduleExpression" in rule
    )
    assert rule == "rate(15 minutes)"
    assert cost_estimate.SWEEPS == 30 * 24 * 60 / 15


def test_every_metric_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of a report with an accuracy, and how long runs wait, for either cause."""
    report: Any = {
        "batch": "b",
        "run": "r",
        "status": "Completed",
        "coverage": dict.fromkeys(("expected", "scored", "unreadable", "missing"), 1),
        "accuracy": {"value": 1.0},
    }
    announcement.measure(SETTINGS, report)
    (directive,) = orjson.loads(capsys.readouterr().out)["_aws"]["CloudWatchMetrics"]
    assert len(directive["Metrics"]) + len({IMAGES, CAPACITY}) == cost_estimate.METRICS


def test_a_table_for_people() -> None:
    """Each line with its price, the sum, what was assumed, and where the prices are from; 80 columns wide."""
    result = run("--images", "100000", "--batches-a-month", "30")
    assert result.exit_code == 0
    assert "30 batches a month of 100,000 images, each on 1 × ml.m5.large" in result.output
    assert "19.69" in result.output
    assert "500 images a second" in result.output
    assert "reading the images" in result.output
    assert "https://aws.amazon.com/lambda/pricing/" in result.output
    table = result.output.partition("Assumed")[0].splitlines()
    assert max(map(len, table)) <= 80


def test_json_for_programs() -> None:
    """What was asked, each line, and the sum to cents."""
    found = as_json("--images", "100000", "--batches-a-month", "30")
    assert (found["currency"], found["month"]) == ("USD", 19.69)
    assert found["asked"]["instance_type"] == "ml.m5.large"
    assert found["lines"][0] == {
        "what": "transform instances",
        "quantity": "0.09 hours",
        "price": "0.115 an hour",
        "month": pytest.approx(30 * 320 / 3600 * 0.115),
        "source": "https://aws.amazon.com/sagemaker/pricing/",
    }


def test_a_batch_gets_an_instance_for_each_100000_images() -> None:
    """No more than the stack allows, and never none."""
    found = [as_json("--images", str(images))["asked"]["instances"] for images in (1, 100_001, 9_000_000)]
    assert found == [1, 2, 4]


def test_an_unknown_type_needs_a_price() -> None:
    """Nothing is guessed: the error names the type and the option."""
    refused = run("--instance-type", "ml.new.large")
    assert refused.exit_code == 1
    assert "ml.new.large: expected an instance type whose price is known" in refused.output
    assert "--price-per-hour" in refused.output
    given = as_json("--instance-type", "ml.new.large", "--price-per-hour", "2.5")
    assert given["asked"]["price_per_hour"] == 2.5


@pytest.mark.usefixtures("account")
def test_a_stack_brings_its_own() -> None:
    """Its instance type, price and processor; its price is of its own type only."""
    deploy(
        TransformInstanceType="ml.m5.xlarge",
        TransformPricePerHour="0.2",
        MaxTransformInstances="2",
        Architecture="arm64",
    )
    asked = as_json("--stack", "digits", "--images", "900000")["asked"]
    assert (asked["instance_type"], asked["price_per_hour"]) == ("ml.m5.xlarge", 0.2)
    assert (asked["instances"], asked["architecture"]) == (2, "arm64")
    other = as_json("--stack", "digits", "--instance-type", "ml.m5.large")["asked"]
    assert other["price_per_hour"] == 0.115
    assert as_json("--stack", "digits", "--price-per-hour", "0.3")["asked"]["price_per_hour"] == 0.3
