"""JSON arrays, item by item."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_prediction.manifests import text
from batch_prediction.manifests.arrays import CUT_OFF, items

VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def cut(raw: bytes, chunk: int) -> list[bytes]:
    """Bytes as they arrive."""
    return [raw[start : start + chunk] for start in range(0, len(raw), chunk)]


@given(st.lists(VALUES, max_size=6), st.integers(1, 40), st.sampled_from([None, 2]), st.booleans())
def test_the_items_of_any_array_are_those_that_a_parser_finds(
    values: list[Any], chunk: int, indent: int | None, ascii_only: bool
) -> None:
    """However the array is indented and cut, with brackets, commas and quotes in its texts."""
    raw = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode()
    found = list(items(cut(raw, chunk)))
    assert [json.loads(item) for _, item in found] == values
    assert [number for number, _ in found] == list(range(1, len(values) + 1))


@given(st.binary(max_size=80), st.integers(1, 20))
def test_any_bytes_come_out_as_items_and_the_same_however_they_arrive(raw: bytes, chunk: int) -> None:
    """What isn't an array raises nothing, and is the same for any size of chunk."""
    assert list(items(cut(b"[" + raw, chunk))) == list(items([b"[" + raw]))


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"[]", []),
        (b' [ {"a": 1} , ] ', [b'{"a": 1}']),
        (b'[{"a": 1}', [b'{"a": 1}', CUT_OFF][:1]),
        (b'[{"a": 1},', [b'{"a": 1}', CUT_OFF]),
        (b"[", [CUT_OFF]),
        (b'[{"a": "]"}] behind', [b'{"a": "]"}', b"behind"]),
        (rb'[{"a": "\"]"}]', [rb'{"a": "\"]"}']),
    ],
)
def test_an_array_that_is_cut_off_or_followed_by_text_says_so(raw: bytes, found: list[bytes]) -> None:
    """What is missing or too much is an item that is no object, so that a line is left out for it."""
    assert [item for _, item in items([raw])] == found


def test_an_endless_item_takes_bounded_memory_and_costs_itself() -> None:
    """Of an item above the limit one byte more comes out, the blanks before it aside."""
    long = b'{"a": "' + b"x" * (3 * text.MAX_LINE) + b'"}'
    blank = b" " * (2 * text.MAX_LINE)
    for chunk in (1_000, 10_000_000):
        found = [item for _, item in items(cut(b"[" + blank + long + b"," + blank + b"{}]", chunk))]
        assert [len(item) for item in found] == [text.MAX_LINE + 1, 2]
