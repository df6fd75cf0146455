"""The manifest's other fields that divide a batch."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_prediction.start.slice_fields import MAX_FIELDS, MAX_LENGTH, MAX_VALUES, SliceFields


def taken(*lines: dict[str, Any]) -> tuple[SliceFields, list[dict[str, str]]]:
    """The fields after these lines, and what each line got."""
    fields = SliceFields()
    return fields, [fields.take(line) for line in lines]


def test_texts_and_numbers_divide_a_batch() -> None:
    """As text, without blanks around; a line without a value is in no slice of the field."""
    fields, lines = taken(
        {"writer": " ann ", "site": 3, "fast": True},
        {"writer": "bob", "site": None, "dpi": 1.5},
        {"writer": ""},
    )
    assert lines == [
        {"writer": "ann", "site": "3", "fast": "true"},
        {"writer": "bob", "dpi": "1.5"},
        {},
    ]
    assert fields.values == {"writer": {"ann", "bob"}, "site": {"3"}, "fast": {"true"}, "dpi": {"1.5"}}
    assert fields.left_out == {}
    assert fields.take({"label-metadata": {"class-name": "7"}}) == {}
    assert fields.left_out == {}  # Ground Truth's own


def test_a_field_of_fifty_values_divides_and_one_of_fifty_one_does_not() -> None:
    """An identifier of each image divides nothing; once left out a field stays out."""
    lines = [{"writer": str(number), "id": str(number)} for number in range(MAX_VALUES)]
    fields, _ = taken(*lines, lines[0])
    assert set(fields.values) == {"writer", "id"}
    assert fields.take({"id": "another", "writer": "0"}) == {"writer": "0"}
    assert fields.take({"id": "0"}) == {}
    assert set(fields.values) == {"writer"}
    assert fields.left_out == {"id": "more than 50 values"}


def test_the_first_eight_divide_and_the_ninth_never_does() -> None:
    """Also after one of the eight is left out: the ninth's values of the lines before are gone."""
    names = [f"f{number}" for number in range(MAX_FIELDS + 1)]
    fields, (first,) = taken(dict.fromkeys(names, "x"))
    assert list(first) == names[:-1]
    assert fields.left_out == {"f8": "it came after 8 others"}
    assert fields.take({"f0": ["a list"], "f8": "x"}) == {}
    assert fields.left_out["f0"] == "a value is neither text nor a number"
    assert fields.take({"new": "x"}) == {"new": "x"}


@pytest.mark.parametrize(
    ("name", "value", "good"),
    [
        ("n", "x" * MAX_LENGTH, True),
        ("n", "x" * (MAX_LENGTH + 1), False),
        ("n" * MAX_LENGTH, "x", True),
        ("n" * (MAX_LENGTH + 1), "x", False),
        ("n", {"a": 1}, False),
    ],
)
def test_long_texts_and_objects_do_not_divide(name: str, value: Any, good: bool) -> None:
    """Each is named with its reason, shortened."""
    fields, (line,) = taken({name: value})
    assert bool(line) is good
    assert bool(fields.left_out) is not good
    assert all(len(each) <= MAX_LENGTH + 1 for each in fields.left_out)


NAMES = st.sampled_from([f"f{number}" for number in range(30)])
LINES = st.lists(
    st.dictionaries(NAMES, st.one_of(st.integers(0, 60), st.text(max_size=3), st.none()), max_size=12)
)


@given(LINES)
def test_memory_is_bounded_and_each_slice_is_whole(lines: list[dict[str, Any]]) -> None:
    """At most 16 fields are known; one that divides has the values of every line that has one."""
    fields, found = taken(*lines)
    assert len(fields.values) <= MAX_FIELDS
    assert len(fields.values) + len(fields.left_out) <= 16
    assert not fields.values.keys() & fields.left_out.keys()
    for name, values in fields.values.items():
        assert len(values) <= MAX_VALUES
        for line, took in zip(lines, found, strict=True):
            text = str(line[name]).strip() if line.get(name) is not None else ""
            assert took.get(name, "") == text
            assert text in values or not text
