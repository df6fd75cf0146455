"""Manifests, line by line."""

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batch_prediction.manifests import text
from batch_prediction.manifests.line_reader import TOO_LONG
from batch_prediction.manifests.records import (
    LeftOut,
    ManifestError,
    Record,
)
from batch_prediction.manifests.text import (
    MAX_LINE,
)
from tests.functions.hostile_manifests import check
from tests.functions.malformed_manifests import read_text

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
    ) == [
        Record(f"{PREFIX}1.png", 7),
        Record(f"{PREFIX}sub/2.png", 3, {"extra": [1]}),
        Record(f"{PREFIX}3.png", None),
    ]


def test_csv_has_a_header_and_quotes() -> None:
    """Columns are found by name, others are kept beside them, an empty field counts as none."""
    assert read_text('\ufefflabel,file_name,who\n7,1.png,x\n,"a, b.png",\n', "csv") == [
        Record(f"{PREFIX}1.png", 7, {"who": "x"}),
        Record(f"{PREFIX}a, b.png", None),
    ]


@pytest.mark.parametrize(
    ("text", "image"),
    [
        (" file_name , label \n 1.png,7 \n", "1.png"),
        (f"label,source-ref\n7,{PREFIX}2.png\n", "2.png"),
        (f"file_name,label,source-ref\n1.png,7,{PREFIX}2.png\n", "2.png"),
        ("file_name,label,source-ref\n1.png,7,\n", "1.png"),
    ],
)
def test_csv_names_images_in_either_column(text: str, image: str) -> None:
    """A reference counts more than a name, an empty one as none, and blanks around a line as nothing."""
    assert read_text(text, "csv") == [Record(PREFIX + image, 7)]


def test_a_source_ref_counts_more_than_a_file_name() -> None:
    """In JSON Lines too; null counts as none, an empty text as a reference elsewhere."""
    reference = f'"source-ref": "{PREFIX}2.png"'
    assert read_text(f'{{"file_name": "1.png", {reference}}}') == [Record(f"{PREFIX}2.png", None)]
    assert read_text('{"file_name": "1.png", "source-ref": null}') == [Record(f"{PREFIX}1.png", None)]
    assert "found an empty text" in reason('{"file_name": "1.png", "source-ref": ""}')


@pytest.mark.parametrize("label", range(10))
def test_every_digit_is_a_label(label: int) -> None:
    """Zero, too, is a label and not the lack of one, as a number and as text."""
    expected = [Record(f"{PREFIX}1.png", label)] * 2
    assert (
        read_text(f'{{"file_name": "1.png", "label": {label}}}\n{{"file_name": "1.png", "label": "{label}"}}')
        == expected
    )
    assert read_text(f"file_name,label\n1.png,{label}\n1.png,{label}", "csv") == expected


@pytest.mark.parametrize("character", ["a", "é", "😀"])
def test_a_key_of_1024_bytes_is_read_and_a_longer_one_is_not(character: str) -> None:
    """S3's limit counts all bytes of the key, those of the batch's folder, too."""
    room = 1024 - len("incoming/b7/")
    name = character * (room // len(character.encode()))
    name += "x" * (room - len(name.encode()))
    for field, value in (("file_name", name), ("source-ref", PREFIX + name)):
        line = {field: value}
        assert read_text(json.dumps(line)) == [Record(PREFIX + name, None)]
        why = reason(json.dumps({field: value + "x"}))
        assert why == "expected a key of at most 1024 bytes, found 1025"


def test_an_image_that_is_named_twice_is_two_records() -> None:
    """Each line is scored and counted, whatever others say."""
    twice = read_text('{"file_name": "1.png", "label": 1}\n' * 2)
    assert twice == [Record(f"{PREFIX}1.png", 1)] * 2


@pytest.mark.parametrize("text", ["", "1.png,7\n", "nom,label\n1.png,7\n", '"file_name\n'])
def test_a_csv_without_its_header_is_refused_as_a_whole(text: str) -> None:
    """Without a header nobody knows which column is which: the error names line 1 and what it holds."""
    with pytest.raises(ManifestError, match="line 1: expected a header with the column file_name"):
        read_text(text, "csv")


def test_the_error_of_a_header_shows_its_beginning() -> None:
    """What is shown of a header that isn't one is bounded, as the error is kept in run.json."""
    with pytest.raises(ManifestError, match=r"^manifest.csv, line 2: expected .+, found 'x{200}'$"):
        read_text("\n" + "x" * 300, "csv")


def test_a_header_that_isn_t_text_is_shown_as_far_as_it_is() -> None:
    """A picture that was named manifest.csv, say."""
    with pytest.raises(ManifestError, match="found '\ufffdPNG'"):
        read_text(b"\x89PNG\n", "csv")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("not json", "isn't JSON"),
        ("[1]", "expected a JSON object, found list"),
        ("{}", "expected source-ref or file_name"),
        ('{"file_name": 7}', "expected the image's name as text, found 7"),
        ('{"file_name": "1.png", "label": NaN}', "isn't JSON"),
        ('{"file_name": "1.png", "label": 1e400}', "digit|isn't JSON"),
        ('{"file_name": "\\ud800.png"}', "isn't JSON"),
        ('{"file_name": "a\\u0000.png"}', "expected a key without"),
        ('{"file_name": "../b8/1.png"}', "expected a key without"),
        (
            '{"source-ref": "s3://digits-bucket/incoming/b8/1.png"}',
            f"expected an object below {PREFIX}, found s3://digits-bucket/incoming/b8/1.png; copy it: aws",
        ),
        ('{"source-ref": "s3://digits-bucket/incoming/b7"}', "expected an object below"),
        ('{"source-ref": "https://evil/s3://digits-bucket/incoming/b7/1.png"}', "found an address of https"),
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


@pytest.mark.parametrize("name", ["source-ref", "file_name", "label"])
@pytest.mark.parametrize(
    ("opened", "closed", "shown"), [("[", "]", "[[[[[["), ('{"a": ', "}", "{'a': {'a': {'a': {'a': ")]
)
def test_a_value_that_is_nested_deeper_than_python_prints_costs_one_line(
    name: str, opened: str, closed: str, shown: str
) -> None:
    """The parser reads a thousand levels, and an error that shows the value shows the first of them."""
    value = opened * 1_000 + "1" + closed * 1_000
    line = f'{{"file_name": "1.png", "{name}": {value}}}'
    (item,) = read_text(line)
    refused = item if isinstance(item, LeftOut) else item.bad_label
    assert refused is not None
    assert f"found {shown}" in refused.reason


def test_a_csv_line_that_cannot_be_used_says_why() -> None:
    """The wrong number of fields, an open quote and bytes that aren't UTF-8 cost one line each."""
    items = read_text(b'file_name,label\n1.png\n"1.png,7\n\xff.png,7\n1.png,7,x\n2.png,7\n', "csv")
    reasons = [item.reason for item in items if isinstance(item, LeftOut)]
    assert [item.line for item in items if isinstance(item, LeftOut)] == [2, 3, 4, 5]
    assert reasons[3] == "expected 2 fields as in the header, found 3"
    assert reasons[0] == "expected 2 fields as in the header, found 1"
    assert "on one line" in reasons[1]
    assert "expected UTF-8, found b'\\xff'" in reasons[2]
    assert items[-1] == Record(f"{PREFIX}2.png", 7)


@given(st.binary(max_size=400), st.integers(1, 64))
def test_no_line_is_ever_lost(raw: bytes, chunk: int) -> None:
    """Whatever the bytes, each line that isn't blank comes out once, as a record or left out."""
    items = read_text(b"{}\n" + raw, chunk=chunk)
    assert len(items) == 1 + sum(1 for line in raw.split(b"\n") if line.strip())


def read_slowly(raw: bytes) -> list[tuple[int, bytes]]:
    """The numbers and bytes of a manifest's lines that aren't blank, all of it in memory."""
    unmarked = raw.removeprefix(b"\xef\xbb\xbf")
    return [
        (number, line)
        for number, line in enumerate(unmarked.split(b"\n"), start=1)
        if len(line) > text.MAX_LINE or line.strip()
    ]


def expected_of(raw: bytes) -> list[Record | LeftOut]:
    """What a manifest in JSON Lines says, each line read alone and its length measured first."""
    items: list[Record | LeftOut] = []
    for number, line in read_slowly(raw):
        if len(line) > text.MAX_LINE:
            kept = line[: text.MAX_LINE + 1].decode(errors="replace")
            items.append(LeftOut.of(number, kept, TOO_LONG))
        else:
            (alone,) = read_text(b"\n" + line, chunk=len(line) + 1)
            items.append(LeftOut(number, alone.text, alone.reason) if isinstance(alone, LeftOut) else alone)
    return items


BYTES: Any = st.lists(
    st.sampled_from([b" ", b"\r", b"\n", b"\n", b"{}", b"1", b"\xff", b"\xef\xbb\xbf"]), max_size=60
)


@given(BYTES.map(b"".join), st.integers(1, 70), st.integers(1, 12))
def test_lines_are_those_of_a_plain_slow_reading(raw: bytes, chunk: int, limit: int) -> None:
    """For any bytes and chunks, a line that is too long costs itself alone, and blank ones cost nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "MAX_LINE", limit)
        assert read_text(raw, chunk=chunk) == expected_of(raw)


FAIR = b'{"file_name": "1.png"}'
LONG: dict[str, Any] = {
    "blank": lambda size: b" " * size,
    "indented": lambda size: FAIR.rjust(size),
    "with trailing blanks": lambda size: FAIR.ljust(size),
    "full": lambda size: b'{"file_name": "1.png", "x": "%b"}' % (b"a" * (size - 31)),
    "of bytes": lambda size: b"\xff" * size,
    "ended by CR": lambda size: FAIR.ljust(size - 1) + b"\r",
}
around_the_limit = st.builds(
    lambda kind, size: LONG[kind](size),
    st.sampled_from(sorted(LONG)),
    st.integers(MAX_LINE - 2, MAX_LINE + 2),
)


@given(
    st.lists(st.one_of(around_the_limit, st.sampled_from([b"", b"\r", b" ", FAIR, b"broken"])), max_size=4),
    st.integers(-2, 2).map(lambda off: MAX_LINE + off) | st.integers(1_000, 300_000),
)
@example([LONG["blank"](70_000), FAIR], 40_000)
@example([LONG["indented"](70_000)], 40_000)
@example([LONG["with trailing blanks"](70_000)], 40_000)
def test_lines_around_the_limit_are_those_of_a_plain_slow_reading(
    given_lines: list[bytes], chunk: int
) -> None:
    """Whatever fills a line of 64 KiB and wherever it is cut, it is measured before blanks are stripped."""
    raw = b"\n".join(given_lines)
    assert read_text(raw, chunk=chunk) == expected_of(raw)


@pytest.mark.parametrize("kind", sorted(set(LONG) - {"blank", "of bytes"}))
@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_a_line_of_64_kib_is_read_and_one_byte_more_is_too_long(kind: str, ending: bytes) -> None:
    """The limit counts all bytes of a line but its line feed: CR and blanks, too."""
    for chunk in (1_000, MAX_LINE, 1024 * 1024):
        (record,) = read_text(LONG[kind](MAX_LINE) + ending, chunk=chunk)
        assert isinstance(record, Record)
        assert record[:2] == (f"{PREFIX}1.png", None)
        (item,) = read_text(LONG[kind](MAX_LINE + 1) + ending, chunk=chunk)
        assert isinstance(item, LeftOut)
        assert item.reason == TOO_LONG


def test_a_csv_line_of_64_kib_is_read_and_one_byte_more_is_too_long() -> None:
    """The header, too: of a longer one the columns behind the limit would be lost."""
    header = b"file_name,label".ljust(MAX_LINE)
    assert read_text(header + b"\n1.png,7", "csv") == [Record(f"{PREFIX}1.png", 7)]
    with pytest.raises(ManifestError, match="line 1: expected a header"):
        read_text(header + b" \n1.png,7", "csv")
    fair, long = read_text(b"file_name\n%b\n%b " % ((b"1.png".ljust(MAX_LINE),) * 2), "csv", chunk=50_000)
    assert fair == Record(f"{PREFIX}1.png", None)
    assert isinstance(long, LeftOut)
    assert (long.line, long.reason) == (3, TOO_LONG)


KEYS: Any = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\\/\x7f"), min_size=1, max_size=40
)


@given(KEYS.filter(lambda name: name.strip(".") == name and name == name.strip()))
def test_any_key_survives_both_forms(name: str) -> None:
    """What a person calls a file is what the reference says, letter by letter, in JSON Lines and in CSV."""
    quoted = name.replace('"', '""')
    assert read_text(json.dumps({"file_name": name})) == [Record(PREFIX + name, None)]
    assert read_text(f'file_name\n"{quoted}"\n', "csv") == [Record(PREFIX + name, None)]


def test_hostile_manifests_of_every_form_raise_nothing_else_and_name_no_image_elsewhere() -> None:
    """Of 1,500 seeds; `python -m tests.functions.hostile_manifests` takes 20,000. Each form is among them."""
    found = {check(seed) for seed in range(1_500)}
    forms = ("JSON Lines", "a JSON array", "CSV", "CSV with tabs in UTF-16", "an image list", "Ground Truth")
    for form in forms:
        assert any(each.startswith(f"read as {form}") for each in found), form
    assert "refused" in found
