"""Manifests, line by line."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_prediction.start.manifest import (
    MAX_LINE,
    LeftOut,
    ManifestError,
    Record,
    lines,
)
from tests.functions.manifests import read_text

PREFIX = "s3://digits-bucket/incoming/b7/"


def reason(text: str | bytes, form: str = "jsonl") -> str:
    """Why the only line is left out."""
    (item,) = read_text(text, form)
    assert isinstance(item, LeftOut)
    return item.reason


def test_json_lines_name_images_absolutely_or_next_to_the_manifest() -> None:
    """Both forms of a reference end up as the same `s3://` address; labels are optional."""
    assert read_text(
        f'{{"source-ref": "{PREFIX}1.png", "label": 7}}\n'
        '{"file_name": "sub/2.png", "label": "3", "extra": [1]}\r\n'
        "\n"
        '{"file_name": "3.png"}'
    ) == [Record(f"{PREFIX}1.png", 7), Record(f"{PREFIX}sub/2.png", 3), Record(f"{PREFIX}3.png", None)]


def test_csv_has_a_header_and_quotes() -> None:
    """Columns are found by name, others are ignored, an empty label counts as none."""
    assert read_text('\ufefflabel,file_name,who\n7,1.png,x\n,"a, b.png",\n', "csv") == [
        Record(f"{PREFIX}1.png", 7),
        Record(f"{PREFIX}a, b.png", None),
    ]


@pytest.mark.parametrize("text", ["", "1.png,7\n", "name,label\n1.png,7\n", '"file_name\n'])
def test_a_csv_without_its_header_is_refused_as_a_whole(text: str) -> None:
    """Without a header nobody knows which column is which: the error names line 1 and what it holds."""
    with pytest.raises(ManifestError, match="line 1: expected a header with the column file_name"):
        read_text(text, "csv")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("not json", "isn't JSON"),
        ("[1]", "expected a JSON object, found list"),
        ("{}", "expected source-ref or file_name"),
        ('{"file_name": 7}', "expected source-ref or file_name as text, found 7"),
        ('{"file_name": "1.png", "label": 10}', "expected a digit from 0 to 9, found 10"),
        ('{"file_name": "1.png", "label": true}', "expected a digit from 0 to 9, found True"),
        ('{"file_name": "1.png", "label": NaN}', "isn't JSON"),
        ('{"file_name": "1.png", "label": 1e400}', "digit|isn't JSON"),
        ('{"file_name": "\\ud800.png"}', "isn't JSON"),
        ('{"file_name": "a\\u0000.png"}', "expected a key without"),
        ('{"file_name": "../b8/1.png"}', "expected a key without"),
        ('{"source-ref": "s3://digits-bucket/incoming/b8/1.png"}', "expected an object below"),
        ('{"source-ref": "s3://digits-bucket/incoming/b7"}', "expected an object below"),
        ('{"source-ref": "s3://digits-bucket.evil/incoming/b7/1.png"}', "expected an object below"),
        ('{"source-ref": "s3://digits-bucket@evil/incoming/b7/1.png"}', "expected an object below"),
        ('{"source-ref": "s3://digits-bucket:80/incoming/b7/1.png"}', "expected an object below"),
        ('{"source-ref": "s3://digits-bucket/incoming/b7/../b8/1.png"}', "expected a key without"),
        ('{"source-ref": "s3://digits-bucket/incoming/b7//1.png"}', "expected a key without"),
        ('{"source-ref": "s3://digits-bucket/incoming/b7/"}', "expected a key without"),
        ("[" * 5000, "isn't JSON"),
        ('{"file_name": "1.png", "label": ' + "9" * 5000 + "}", "digit|isn't JSON"),
        ('{"file_name": "' + "a" * MAX_LINE + '"}', "expected a line of at most"),
    ],
)
def test_a_line_that_cannot_be_used_says_why(line: str, why: str) -> None:
    """Hostile and broken lines are left out one by one, each with its reason."""
    assert re.search(why, reason(line))


def test_a_csv_line_that_cannot_be_used_says_why() -> None:
    """The wrong number of fields, an open quote and bytes that aren't UTF-8 cost one line each."""
    items = read_text(b'file_name,label\n1.png\n"1.png,7\n\xff.png,7\n2.png,7\n', "csv")
    reasons = [item.reason for item in items if isinstance(item, LeftOut)]
    assert [item.line for item in items if isinstance(item, LeftOut)] == [2, 3, 4]
    assert reasons[0] == "expected 2 fields as in the header, found 1"
    assert "on one line" in reasons[1]
    assert "expected UTF-8, found b'\\xff'" in reasons[2]
    assert items[-1] == Record(f"{PREFIX}2.png", 7)


@given(st.binary(max_size=400), st.integers(1, 64))
def test_no_line_is_ever_lost(raw: bytes, chunk: int) -> None:
    """Whatever the bytes, each line that isn't blank comes out once, as a record or left out."""
    given_lines = raw.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    assert len(read_text(raw, chunk=chunk)) == sum(1 for line in given_lines if line.strip())


@given(
    st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=20),
    st.integers(1, 64),
)
def test_lines_don_t_depend_on_how_the_bytes_arrive(given_lines: list[bytes], chunk: int) -> None:
    """Splitting at line feeds gives the same lines for any size of chunk."""
    raw = b"\n".join(given_lines)
    chunks = [raw[start : start + chunk] for start in range(0, len(raw), chunk)]
    expected = raw.split(b"\n")
    assert list(lines(chunks)) == (expected if expected[-1] else expected[:-1])


def test_an_endless_line_takes_bounded_memory_and_costs_one_line() -> None:
    """Of an over-long line only its beginning is kept, and the line behind it is read as usual."""
    raw = b"x" * (3 * MAX_LINE) + b"\ny"
    chunks = [raw[start : start + 1000] for start in range(0, len(raw), 1000)]
    first, second = lines(chunks)
    assert len(first) == MAX_LINE + 1
    assert second == b"y"


KEYS: Any = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\\/\x7f"), min_size=1, max_size=40
)


@given(KEYS.filter(lambda name: name.strip(".") == name and name == name.strip()))
def test_any_key_survives_both_forms(name: str) -> None:
    """What a person calls a file is what the reference says, letter by letter, in JSON Lines and in CSV."""
    quoted = name.replace('"', '""')
    assert read_text(json.dumps({"file_name": name})) == [Record(PREFIX + name, None)]
    assert read_text(f'file_name\n"{quoted}"\n', "csv") == [Record(PREFIX + name, None)]
