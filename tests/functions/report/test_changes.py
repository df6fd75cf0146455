"""The change of a run's accuracy against its batch's run before."""

import pytest

from batch_prediction.report import changes
from batch_prediction.report.content import IndexEntry
from tests.functions.report.index_entries import entry


def measured(number: int, accuracy: float | None, batch: str = "b7") -> IndexEntry:
    """A run of a batch with an interval of two points around its accuracy; later numbers are newer."""
    low, high = (None, None) if accuracy is None else (accuracy - 0.01, accuracy + 0.01)
    return entry(number, accuracy=accuracy, low=low, high=high, batch=batch)


def newest_first(*values: float | None) -> list[IndexEntry]:
    """Runs of one batch with these accuracies, the oldest given first."""
    return [measured(number, value) for number, value in enumerate(values)][::-1]


def test_a_row_is_compared_with_the_labelled_run_before() -> None:
    """Runs without an accuracy are passed over; a change within both intervals is noise."""
    newest, unlabelled, better, first = changes.rows(newest_first(0.90, 0.95, None, 0.951))
    assert (first.change, first.clear) == (None, False)
    assert better.change == pytest.approx(0.05)
    assert better.clear
    assert (unlabelled.change, unlabelled.clear) == (None, False)
    assert newest.change == pytest.approx(0.001)
    assert not newest.clear


def test_rows_stay_newest_first() -> None:
    """The table has the list's order, with every run."""
    runs = newest_first(0.9, None, 0.8)
    assert [row.run for row in changes.rows(runs)] == runs


def test_another_batch_s_run_is_no_measure() -> None:
    """Of two batches that take turns, each is compared with itself; a batch's first run with nothing."""
    runs = [measured(1, 0.9, "a"), measured(2, 0.5, "b"), measured(3, 0.92, "a"), measured(4, 0.6, "b")]
    found = {row.run["run"]: row.change for row in changes.rows(runs[::-1])}
    expected = [None, None, pytest.approx(0.02), pytest.approx(0.1)]
    assert [found[run["run"]] for run in runs] == expected


@pytest.mark.parametrize(
    ("before", "after", "clear"),
    [
        ((0.90, 0.92), (0.93, 0.95), True),
        ((0.93, 0.95), (0.90, 0.92), True),
        ((0.90, 0.93), (0.93, 0.95), False),
        ((0.93, 0.95), (0.90, 0.93), False),
        ((0.90, 0.95), (0.91, 0.92), False),
        ((0.91, 0.92), (0.90, 0.95), False),
    ],
)
def test_a_change_is_clear_where_the_intervals_have_nothing_in_common(
    before: tuple[float, float], after: tuple[float, float], clear: bool
) -> None:
    """Upwards and downwards; intervals that touch or hold each other are noise."""
    runs = [
        entry(number, batch="b7", accuracy=(low + high) / 2, low=low, high=high)
        for number, (low, high) in enumerate((before, after))
    ]
    newest, _ = changes.rows(runs[::-1])
    assert newest.clear is clear
