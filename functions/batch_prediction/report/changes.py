"""How a run's accuracy differs from that of its batch's run before: other batches are no measure of it."""

from dataclasses import dataclass

from batch_prediction.report.content import IndexEntry, LabelledEntry, is_labelled


@dataclass(frozen=True)
class Row:
    """A run of the list; `change` is a share, against the labelled run before it of the same batch.

    `clear` says that the two intervals don't overlap: the change is more than the noise of such samples.
    """

    run: IndexEntry | LabelledEntry
    change: float | None
    clear: bool


def rows(runs: list[IndexEntry]) -> list[Row]:
    """The runs of the list, newest first, each with the change against the one of its batch before."""
    found: list[Row] = []
    latest: dict[str, LabelledEntry] = {}  # of each batch
    for run in reversed(runs):
        if not is_labelled(run):
            found.append(Row(run, None, False))
            continue
        before, latest[run["batch"]] = latest.get(run["batch"]), run
        if before is None:
            found.append(Row(run, None, False))
        else:
            clear = run["low"] > before["high"] or run["high"] < before["low"]
            found.append(Row(run, run["accuracy"] - before["accuracy"], clear))
    return found[::-1]
