"""How a run ended, in a few words and a tone: the one rule of pages, lists, messages and the terminal.

Completed is not success: a batch of which images weren't read is never shown as a whole one.
"""

from enum import StrEnum
from typing import NamedTuple

from batch_prediction.report.content import WAITING, IndexEntry, LabelledEntry, Report


class Tone(StrEnum):
    """How good a run's outcome is."""

    GOOD = "good"  # every image was read
    PARTLY = "partly"  # some weren't
    BAD = "bad"  # none was, or the run has no result
    WAITING = "waiting"  # it has no outcome yet


_MARKS = {Tone.GOOD: "✓", Tone.PARTLY: "!", Tone.BAD: "✗", Tone.WAITING: "…"}


class Headline(NamedTuple):
    """A run's outcome: `text` is complete without mark and colour."""

    tone: Tone
    text: str

    @property
    def mark(self) -> str:
        """A character before the text that tells the tones apart without colour."""
        return _MARKS[self.tone]


def headline(status: str, scored: int, expected: int) -> Headline:
    """The headline of a run with this status that read `scored` of `expected` lines of its manifest."""
    if status == WAITING:
        return Headline(Tone.WAITING, status)
    if status != "Completed":
        return Headline(Tone.BAD, status)
    if 0 < scored == expected:
        return Headline(Tone.GOOD, status)
    return Headline(Tone.PARTLY if scored else Tone.BAD, f"{status}, {scored:,} of {expected:,} read")


def of_report(report: Report) -> Headline:
    """The headline of a report."""
    coverage = report["coverage"]
    return headline(report["status"], coverage["scored"], coverage["expected"])


def of_entry(run: IndexEntry | LabelledEntry) -> Headline:
    """The headline of a run of the list."""
    return headline(run["status"], run["scored"], run["expected"])
