"""Where the marks of the pages' charts lie."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_prediction.report import charts
from batch_prediction.report.content import IndexEntry, RiskPoint
from tests.functions.report.index_entries import entry

accuracies = st.lists(st.one_of(st.none(), st.floats(0.0, 1.0)), min_size=1, max_size=30)


def measured(number: int, accuracy: float | None, **changes: Any) -> IndexEntry:
    """A run of the list with an interval of two points around its accuracy; later numbers are newer."""
    low, high = (None, None) if accuracy is None else (max(0.0, accuracy - 0.01), min(1.0, accuracy + 0.01))
    return entry(number, accuracy=accuracy, low=low, high=high, **changes)


def newest_first(*values: float | None) -> list[IndexEntry]:
    """Runs with these accuracies, the oldest given first."""
    return [measured(number, value) for number, value in enumerate(values)][::-1]


@pytest.mark.parametrize("runs", [[], newest_first(None, None)], ids=["no run", "no accuracy"])
def test_without_an_accuracy_there_is_no_chart(runs: list[IndexEntry]) -> None:
    """Runs that have no labels have a row in the table, and no mark."""
    assert charts.history(runs) is None


@given(accuracies)
def test_every_mark_is_in_the_plot_from_the_oldest_on_the_left(values: list[float | None]) -> None:
    """A point with its interval is never outside the axes; there is one for each run with an accuracy."""
    history = charts.history(newest_first(*values))
    labelled = [value for value in values if value is not None]
    assert (history is None) == (not labelled)
    if history is None:
        return
    area = history.plot
    assert len(history.points) == len(labelled)
    assert [point.x for point in history.points] == sorted(point.x for point in history.points)
    for point in history.points:
        assert area.left <= point.x <= area.right
        assert area.top <= point.high <= point.y <= point.low <= area.bottom
    heights = [height for height, _ in history.ticks]
    assert heights == sorted(heights, reverse=True)
    assert (heights[0], heights[-1]) == (area.bottom, area.top)


def test_a_higher_accuracy_is_drawn_higher() -> None:
    """SVG counts downwards; the ticks name round values that hold all intervals."""
    history = charts.history(newest_first(0.90, 0.95))
    assert history
    lower, higher = history.points
    assert higher.y < lower.y
    assert higher.title == "batch-1: 95.00%, model 1"
    assert [label for _, label in history.ticks] == ["88\xa0%", "90\xa0%", "92\xa0%", "94\xa0%", "96\xa0%"]


def test_a_single_run_is_drawn_in_the_middle() -> None:
    """A single moment isn't a span of time: it gets some room on both sides."""
    history = charts.history(newest_first(0.98))
    assert history
    (point,) = history.points
    assert point.x == (history.plot.left + history.plot.right) / 2
    assert history.first == history.last


def test_the_newest_runs_are_drawn() -> None:
    """A long history shows its end."""
    runs = newest_first(*[0.98] * (charts.MAX_POINTS + 3))
    history = charts.history(runs)
    assert history
    assert len(history.points) == charts.MAX_POINTS
    assert history.points[-1].title.startswith(f"{runs[0]['batch']}:")
    assert history.points[0].title.startswith(f"{runs[charts.MAX_POINTS - 1]['batch']}:")


def test_a_change_of_the_model_is_marked_where_it_is_first_used() -> None:
    """Each version has a shape of its own; a package that is unknown is named so."""
    versions = [1, 1, 2, None]
    runs = [measured(number * 3600, 0.98, model_version=version) for number, version in enumerate(versions)]
    history = charts.history(runs[::-1])
    assert history
    assert [change.label for change in history.changes] == ["model 1", "model 2", "unknown model"]
    assert [change.x for change in history.changes] == [history.points[n].x for n in (0, 2, 3)]
    assert [point.shape for point in history.points] == [0, 0, 1, 2]


def test_labels_of_changes_leave_each_other_room() -> None:
    """Where versions follow each other closely, a change is drawn without its name."""
    runs = [measured(number, 0.98, model_version=number) for number in range(100)]
    history = charts.history(runs[::-1])
    assert history
    named = [change for change in history.changes if change.label]
    assert len(history.changes) == 100
    assert 1 < len(named) < 100
    assert all(after.x - before.x > 8 * len(after.label) for before, after in pairwise(named))
    assert [point.shape for point in history.points] == [number % 5 for number in range(100)]


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.991, 0.9915, ["99.10", "99.15"]),
        (0.9911, 0.9934, ["99.10", "99.15", "99.20", "99.25", "99.30", "99.35"]),
        (0.9911, 0.9949, ["99.1", "99.2", "99.3", "99.4", "99.5"]),
        (0.902, 0.939, ["90", "91", "92", "93", "94"]),
        (0.5, 1.0, ["50", "60", "70", "80", "90", "100"]),
        (0.0, 1.0, ["0", "20", "40", "60", "80", "100"]),
    ],
)
def test_ticks_name_round_values_with_as_many_decimals_as_they_need(
    low: float, high: float, labels: list[str]
) -> None:
    """The finest step that gives five intervals at most; the axis ends on ticks."""
    run = entry(1, accuracy=(low + high) / 2, low=low, high=high)
    history = charts.history([run])
    assert history
    assert [label for _, label in history.ticks] == [f"{label}\xa0%" for label in labels]


def test_the_axis_of_time_goes_from_the_oldest_run_to_the_newest() -> None:
    """Its ends are the two moments at which the manifests were uploaded."""
    history = charts.history(newest_first(0.9, 0.9, 0.9))
    assert history
    assert history.first < history.last


def risks(*wrong: int) -> list[RiskPoint]:
    """The curve of a hundred images for each number, which is how many of them are wrong."""
    return [
        {
            "threshold": 1 - number / 100,
            "coverage": number / len(wrong),
            "risk": (share := sum(wrong[:number]) / number / 100),
            "low": share / 2,
            "high": min(1.0, 3 * share + 0.1 / number),
        }
        for number in range(1, len(wrong) + 1)
    ]


@given(st.lists(st.integers(0, 100), min_size=1, max_size=50))
def test_the_curve_and_its_band_are_in_the_plot(wrong: list[int]) -> None:
    """Each point from left to right, the band around it; the last one is at the right edge."""
    chart = charts.risk_chart(risks(*wrong))
    curve, band = (
        [tuple(map(float, point.split(","))) for point in text.split()] for text in (chart.curve, chart.band)
    )
    assert len(curve) == len(wrong)
    assert len(band) == 2 * len(wrong)
    for x, y in curve + band:
        assert chart.plot.left <= x <= chart.plot.right
        assert chart.plot.top - 0.1 <= y <= chart.plot.bottom + 0.1
    assert curve[-1][0] == chart.plot.right
    for (x, y), upper, lower in zip(curve, band[: len(wrong)], band[::-1], strict=False):
        assert x == upper[0] == lower[0]
        assert upper[1] <= y <= lower[1]  # SVG counts from the top


def test_the_ticks_of_the_risk_begin_at_none() -> None:
    """At the bottom is 0 %, at the top the last tick; there are few, in steps as of the other charts."""
    chart = charts.risk_chart(risks(0, 0, 1, 3))
    assert chart.ticks[0] == (chart.plot.bottom, "0\xa0%")
    assert chart.ticks[-1][0] == chart.plot.top
    assert [text for _, text in chart.ticks] == ["0\xa0%", "2\xa0%", "4\xa0%", "6\xa0%"]


def test_a_perfect_batch_has_a_curve_at_the_bottom() -> None:
    """Where nothing is wrong, only the band says how much might be."""
    chart = charts.risk_chart(risks(0, 0))
    assert {float(point.split(",")[1]) for point in chart.curve.split()} == {chart.plot.bottom}
    assert min(float(point.split(",")[1]) for point in chart.band.split()) < chart.plot.bottom


@pytest.mark.parametrize(
    ("span", "step"), [(0.1, 1), (5.0, 1), (5.1, 2), (10.0, 2), (10.1, 10), (50.0, 10), (1000.0, 10)]
)
def test_a_tick_step_is_the_smallest_that_gives_few_ticks(span: float, step: int) -> None:
    """At most five steps long, else the last step, however many there are of it."""
    assert charts.tick_step(span, (1, 2, 10)) == step
