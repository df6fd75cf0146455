"""From a line's reference and label to a record."""

from typing import Any

import pytest

from batch_prediction.manifests.folder import BatchFolder
from batch_prediction.manifests.line_reader import record
from batch_prediction.manifests.records import LeftOut, Record
from tests.functions.malformed_manifests import PREFIX
from tests.settings_and_events import BUCKET

FOLDER = BatchFolder(BUCKET, "incoming/b7/")


def test_a_bad_label_costs_itself_and_keeps_its_line() -> None:
    """The image is scored, and the label isn't used: both are known."""
    found = record(3, b"line \xff", FOLDER, "1.png", 12, {"writer": "a"})
    why = LeftOut(3, "line \ufffd", "label: expected a digit from 0 to 9, found 12", "label")
    assert found == Record(f"{PREFIX}1.png", None, {"writer": "a"}, why)


@pytest.mark.parametrize("reference", [None, 7, ["1.png"], {"a": "1.png"}, "../1.png"])
def test_a_bad_reference_costs_the_line(reference: Any) -> None:
    """Without an image there is nothing to score, whatever the label."""
    found = record(3, b"line", FOLDER, reference, 12)
    assert isinstance(found, LeftOut)
    assert (found.line, found.text, found.kind) == (3, "line", "line")
