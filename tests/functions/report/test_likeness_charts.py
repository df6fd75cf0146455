"""Where the bars of a batch and the outline of its reference lie."""

import pytest

from batch_prediction.report import likeness, likeness_charts
from batch_prediction.report.content import Drift
from batch_prediction.report.likeness import Known
from batch_prediction.report.likeness_charts import Bars
from tests.functions.figures.references import answers, doubts, reference


def drift(power: float = 4.0) -> Drift:
    """A batch beside a reference."""
    _, found = likeness.compare(doubts(answers(300, seed=2, power=power)), 300, Known(reference()))
    assert found is not None
    return found


CHARTS = [likeness_charts.doubts, likeness_charts.predictions]


@pytest.mark.parametrize("power", [0.5, 4.0, 9.0])
@pytest.mark.parametrize("chart", CHARTS)
def test_every_bar_and_the_outline_are_in_the_plot(chart: object, power: float) -> None:
    """Whatever the shares, nothing is drawn outside the axes, and bars don't touch each other."""
    bars: Bars = chart(drift(power))  # type: ignore[operator]
    area = bars.plot
    assert all(area.top <= min(bar.y, bar.expected) for bar in bars.bars)
    assert all(max(bar.y, bar.expected) <= area.bottom for bar in bars.bars)
    assert bars.bars[0].x > area.left
    assert bars.bars[-1].x + bars.bars[-1].width < area.right
    ends = [bar.x + bar.width for bar in bars.bars[:-1]]
    assert all(end < bar.x for end, bar in zip(ends, bars.bars[1:], strict=True))


def test_heights_are_shares() -> None:
    """A bar's height, in units of the axis, is the batch's share, and the outline's the expected one."""
    found = drift()
    bars = likeness_charts.doubts(found)
    (zero, _), (tick, text) = bars.ticks[:2]
    share = float(text.removesuffix("\xa0%")) / 100
    for bar, each in zip(bars.bars, found["doubts"], strict=True):
        assert (zero - bar.y) / (zero - tick) * share == pytest.approx(each["found"], abs=1e-3)
        assert (zero - bar.expected) / (zero - tick) * share == pytest.approx(each["expected"], abs=1e-3)


@pytest.mark.parametrize(
    ("share", "ticks"),
    [
        (0.08, [0, 2, 4, 6, 8]),
        (0.24, [0, 5, 10, 15, 20, 25]),
        (0.45, [0, 10, 20, 30, 40, 50]),
        (0.99, [0, 20, 40, 60, 80, 100]),
    ],
)
def test_ticks_are_round_shares(share: float, ticks: list[int]) -> None:
    """At most five steps, of the smallest round share that suffices, up to the highest bar."""
    found = drift()
    for each in found["predictions"]:
        each["found"] = each["expected"] = share
    bars = likeness_charts.predictions(found)
    assert [text for _, text in bars.ticks] == [f"{tick}\xa0%" for tick in ticks]


def test_the_outline_has_a_step_for_each_bar() -> None:
    """It goes from the left end to the right end, level across each bin."""
    bars = likeness_charts.predictions(drift())
    points = [tuple(map(float, point.split(","))) for point in bars.steps.split()]
    assert (points[0][0], points[-1][0]) == (bars.plot.left, bars.plot.right)
    assert len(points) == 2 * len(bars.bars) == 20
    assert [y for _, y in points[::2]] == [y for _, y in points[1::2]] == [bar.expected for bar in bars.bars]


def test_titles_say_both_shares() -> None:
    """A bar under the pointer tells its bin and both shares in words."""
    found = drift()
    title = likeness_charts.predictions(found).bars[3].title
    shares = found["predictions"][3]
    assert (
        title == f"read as 3: {shares['found']:.2%} of the batch, {shares['expected']:.2%} of the reference"
    )
    assert likeness_charts.doubts(found).bars[15].title.startswith("doubt from 0 to 3e-08: ")


def test_powers_of_ten_are_named_at_their_edges() -> None:
    """Every second edge of the doubts is a power of ten; each digit has its name in the middle of its bar."""
    bars = likeness_charts.doubts(drift())
    places = [place for place, _ in bars.labels]
    assert (places[0], places[-1]) == (bars.plot.left, bars.plot.right)
    assert [text for _, text in bars.labels][:3] == ["1", "0.1", "0.01"]
    digits = likeness_charts.predictions(drift())
    for (place, _), bar in zip(digits.labels, digits.bars, strict=True):
        assert place == pytest.approx(bar.x + bar.width / 2, abs=0.2)
