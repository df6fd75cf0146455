"""Positions of the two pictures of a batch beside its model's reference: doubts, and predictions."""

from dataclasses import dataclass

from batch_prediction.report.charts import Plot, plot, tick_step
from batch_prediction.report.content import Drift

_BOX = (46.0, 520.0, 12.0, 196.0)  # left, right, top, bottom
_TICKS = (0.02, 0.05, 0.1, 0.2, 0.25, 0.5)  # of shares
_GAP = 0.14  # on both sides of a bar, as a share of its bin
_POWERS = ("1", "0.1", "0.01", "10⁻³", "10⁻⁴", "10⁻⁵", "10⁻⁶", "10⁻⁷", "0")


@dataclass(frozen=True)
class Bar:
    """A bin: the batch's bar from `x` with `width`, its top `y`, and the reference's line at `expected`."""

    x: float
    width: float
    y: float
    expected: float
    title: str


@dataclass(frozen=True)
class Bars:
    """A chart of bars; `steps` is the reference's outline as the points of a polyline."""

    plot: Plot
    bars: list[Bar]
    steps: str
    ticks: list[tuple[float, str]]
    labels: list[tuple[float, str]]


def doubts(drift: Drift) -> Bars:
    """The share of images by what their confidence lacks to 1, the least sure ones on the left."""
    bins = drift["doubts"]
    titles = [
        f"doubt from {each['low']:.1g} to {each['high']:.1g}: "
        f"{each['found']:.2%} of the batch, {each['expected']:.2%} expected"
        for each in bins
    ]
    shares = [(each["found"], each["expected"]) for each in bins]
    labels = [(float(2 * number), text) for number, text in enumerate(_POWERS)]
    return _bars(shares, titles, labels)


def predictions(drift: Drift) -> Bars:
    """The share of images by the label that was read."""
    rows = drift["predictions"]
    titles = [
        f"read as {each['label']}: {each['found']:.2%} of the batch, {each['expected']:.2%} of the reference"
        for each in rows
    ]
    labels = [(number + 0.5, str(each["label"])) for number, each in enumerate(rows)]
    return _bars([(each["found"], each["expected"]) for each in rows], titles, labels)


def _bars(shares: list[tuple[float, float]], titles: list[str], labels: list[tuple[float, str]]) -> Bars:
    highest = max(max(pair) for pair in shares)
    step = tick_step(highest, _TICKS)
    count = max(1, -int(-highest // step))
    area = plot(_BOX, (0, len(shares)), (0, count * step))
    bars = [
        Bar(
            area.x(number + _GAP),
            round(area.x(number + 1 - _GAP) - area.x(number + _GAP), 1),
            area.y(found),
            area.y(expected),
            title,
        )
        for number, ((found, expected), title) in enumerate(zip(shares, titles, strict=True))
    ]
    steps = " ".join(
        f"{area.x(number)},{bar.expected} {area.x(number + 1)},{bar.expected}"
        for number, bar in enumerate(bars)
    )
    ticks = [(area.y(number * step), f"{number * step * 100:.0f}\xa0%") for number in range(count + 1)]
    return Bars(area, bars, steps, ticks, [(area.x(place), text) for place, text in labels])
