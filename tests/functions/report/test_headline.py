"""The headline of a run."""

import pytest

from batch_prediction.report.headline import Tone, headline, of_entry
from tests.functions.report.index_entries import entry


@pytest.mark.parametrize(
    ("status", "scored", "expected", "tone", "text"),
    [
        ("Completed", 100, 100, Tone.GOOD, "Completed"),
        ("Completed", 99_999, 100_000, Tone.PARTLY, "Completed, 99,999 of 100,000 read"),
        ("Completed", 64, 100, Tone.PARTLY, "Completed, 64 of 100 read"),
        ("Completed", 0, 200, Tone.BAD, "Completed, 0 of 200 read"),
        ("Completed", 0, 0, Tone.BAD, "Completed, 0 of 0 read"),
        ("Failed", 100, 100, Tone.BAD, "Failed"),
        ("Refused", 0, 3, Tone.BAD, "Refused"),
    ],
)
def test_only_a_run_that_read_every_image_is_good(
    status: str, scored: int, expected: int, tone: Tone, text: str
) -> None:
    """Below full coverage the counts are part of the words, so that no colour is needed to see it."""
    assert headline(status, scored, expected) == (tone, text)


def test_each_tone_has_its_mark() -> None:
    """A tick stands for every image; without colour the marks differ as well."""
    marks = [of_entry(entry(1, scored=scored)).mark for scored in (100, 64, 0)]
    assert marks == ["✓", "!", "✗"]
