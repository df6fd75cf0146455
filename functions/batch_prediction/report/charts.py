"""Positions of the marks in the pages' charts, in the units of their SVG; the templates draw them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, floor

from batch_prediction.layout import Run
from batch_prediction.report.content import IndexEntry, LabelledEntry, RiskPoint, is_labelled

SHAPES = 5  # marks that are distinguishable without colour; the templates know them by number
MAX_POINTS = 200
_TICK_STEPS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)  # of accuracy
_FEW = 5  # ticks


@dataclass(frozen=True)
class Plot:
    """A rectangle in SVG units, and what its sides mean: `x` and `y` turn values into units."""

    left: float
    right: float
    top: float
    bottom: float
    x: Callable[[float], float]
    y: Callable[[float], float]


def plot(box: tuple[float, float, float, float], xs: tuple[float, float], ys: tuple[float, float]) -> Plot:
    """A plot in `box` (left, right, top, bottom) of the values between each two; equal ones get some room."""
    left, right, top, bottom = box
    first, width = (xs[0], xs[1] - xs[0]) if xs[1] > xs[0] else (xs[0] - 0.5, 1)
    low, height = ys[0], ys[1] - ys[0]
    return Plot(
        left,
        right,
        top,
        bottom,
        lambda value: round(left + (value - first) / width * (right - left), 1),
        lambda value: round(bottom - (value - low) / height * (bottom - top), 1),
    )


def tick_step(span: float, steps: Sequence[float]) -> float:
    """The first of some steps, the smallest first, of which a span has few; else the last."""
    return next((step for step in steps if span / step <= _FEW), steps[-1])


RELIABILITY = plot((44, 348, 12, 256), (0, 1), (0, 1))


@dataclass(frozen=True)
class RiskChart:
    """The curve of risk over coverage and the band of its interval, as SVG points; ticks of the risk."""

    plot: Plot
    curve: str
    band: str
    ticks: list[tuple[float, str]]


def risk_chart(curve: list[RiskPoint]) -> RiskChart:
    """The chart of a report's curve; its band is cut off above twice the highest risk."""
    highest = max(2 * max(point["risk"] for point in curve), curve[-1]["high"])
    step = tick_step(highest, _TICK_STEPS)
    top = min(1.0, ceil(highest / step) * step)
    area = plot((62, 788, 14, 236), (0, 1), (0, top))
    upper = [f"{area.x(point['coverage'])},{area.y(min(top, point['high']))}" for point in curve]
    lower = [f"{area.x(point['coverage'])},{area.y(min(top, point['low']))}" for point in curve]
    ticks = [
        (area.y(step * number), f"{step * number * 100:.{_decimals(step)}f}\xa0%")
        for number in range(round(top / step) + 1)
    ]
    middle = [f"{area.x(point['coverage'])},{area.y(point['risk'])}" for point in curve]
    return RiskChart(area, " ".join(middle), " ".join([*upper, *reversed(lower)]), ticks)


def _decimals(step: float) -> int:
    """The decimals that percentages in steps need."""
    return 2 if step < 0.001 else 1 if step < 0.01 else 0


@dataclass(frozen=True)
class Point:
    """One run in the chart of all runs."""

    x: float
    y: float
    low: float
    high: float
    shape: int
    title: str


@dataclass(frozen=True)
class Change:
    """Where a model version was first used; `label` is empty where it doesn't fit."""

    x: float
    label: str
    shape: int


@dataclass(frozen=True)
class History:
    """Accuracy over time: the newest labelled runs, at most MAX_POINTS of them."""

    plot: Plot
    points: list[Point]
    changes: list[Change]
    ticks: list[tuple[float, str]]
    first: datetime
    last: datetime


def history(runs: list[IndexEntry]) -> History | None:
    """The chart of the runs of the list, given newest first; None when none has an accuracy."""
    drawn = [run for run in runs if is_labelled(run)][:MAX_POINTS][::-1]
    if not drawn:
        return None
    times = [Run(run["batch"], run["run"]).uploaded.timestamp() for run in drawn]
    lowest, highest = min(run["low"] for run in drawn), max(run["high"] for run in drawn)
    step = tick_step(highest - lowest, _TICK_STEPS)
    bottom, top = floor(lowest / step) * step, ceil(highest / step) * step
    area = plot((20, 728, 30, 236), (min(times), max(times)), (bottom, max(top, bottom + step)))
    shapes = {name: number % SHAPES for number, name in enumerate(dict.fromkeys(map(model_name, drawn)))}
    points, changes, current, room = [], list[Change](), None, -1000.0
    for run, moment in zip(drawn, times, strict=True):
        x, name = area.x(moment), model_name(run)
        title = f"{run['batch']}: {run['accuracy']:.2%}, {name}"
        shape = shapes[name]
        points.append(
            Point(x, area.y(run["accuracy"]), area.y(run["low"]), area.y(run["high"]), shape, title)
        )
        if name != current:
            label = name if x - room > 8 * len(name) else ""
            room = x if label else room
            changes.append(Change(x, label, shape))
            current = name
    count = round((max(top, bottom + step) - bottom) / step)
    ticks = [
        (area.y(value), f"{value * 100:.{_decimals(step)}f}\xa0%")
        for value in (bottom + step * n for n in range(count + 1))
    ]
    ends = (datetime.fromtimestamp(moment, UTC) for moment in (times[0], times[-1]))
    return History(area, points, changes, ticks, *ends)


def model_name(run: IndexEntry | LabelledEntry) -> str:
    """How a run of the list names its model."""
    return "unknown model" if run["model_version"] is None else f"model {run['model_version']}"
