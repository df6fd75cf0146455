"""What reading a manifest gives."""

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batch_prediction.manifests.records import KEPT_REASON, KEPT_TEXT, LeftOut
from batch_prediction.manifests.text import MAX_LINE
from tests.functions.malformed_manifests import read_text


@given(st.text(max_size=400), st.text(max_size=700))
@example("a" * (KEPT_TEXT - 6) + "\x01\x01", "a" * (KEPT_REASON - 6) + "\x01\x01")
@example("\x01" * 400, "\U000e0001" * 700)
def test_what_is_kept_of_a_refused_line_is_bounded_in_bytes(text: str, reason: str) -> None:
    """Text and reason are kept whole, or as much of their beginning as the bound in JSON has room for."""
    kept = LeftOut.of(1, text, reason)
    for whole, beginning, size in ((text, kept.text, KEPT_TEXT), (reason, kept.reason, KEPT_REASON)):
        assert whole.startswith(beginning)
        assert len(orjson.dumps(beginning)) - 2 <= size
        if beginning != whole:
            assert len(orjson.dumps(whole[: len(beginning) + 1])) - 2 > size


@pytest.mark.parametrize(
    "line", [b"\x01" * MAX_LINE, b'{"source-ref": "%b"}' % ("\U000e0001" * 9_000).encode()]
)
def test_the_longest_refusals_are_bounded(line: bytes) -> None:
    """A line whose characters take six bytes, and a reason that repeats the line, are cut."""
    (item,) = read_text(line, chunk=MAX_LINE)
    assert isinstance(item, LeftOut)
    assert item == LeftOut.of(1, line.decode(), item.reason)
    assert len(orjson.dumps(item.reason)) - 2 <= KEPT_REASON
