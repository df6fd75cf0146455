"""The joined output of a transform job, counted and tabulated."""

import csv
import io
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_prediction.labels import CONFIDENCE_UNIT
from batch_prediction.report import predictions
from batch_prediction.report.predictions import (
    COLUMNS,
    NO_ANSWER,
    Tally,
    escape_formula,
    tabulate,
)
from batch_prediction.runs.parts import digest
from tests.functions.report.transform_output import body, given_line, joined

ANSWERS: Any = st.one_of(
    st.fixed_dictionaries({"label": st.integers(0, 9), "confidence": st.floats(0, 1)}),
    st.sampled_from([{"error": "missing"}, {"error": "not an image: b'x'"}]),
)


def tabulated(
    parts: list[list[dict[str, Any]]], outputs: list[bytes | None], left_out: list[bytes] | None = None
) -> tuple[Tally, list[dict[str, str]]]:
    """The counts, and the table as a spreadsheet reads it."""
    table = io.StringIO()
    sizes = [len(part) for part in parts]
    digests = [digest([line["image"]["source-ref"] for line in part]) for part in parts]
    tally = tabulate(
        sizes, outputs.__getitem__, lambda part: body(parts[part]), left_out or [], table, digests
    )
    table.seek(0)
    return tally, list(csv.DictReader(table))


@given(st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 9)), ANSWERS), max_size=30), st.integers(0, 3))
def test_coverage_always_adds_up(records: list[tuple[int | None, dict[str, Any]]], left_out: int) -> None:
    """Every line is scored, unreadable or missing, and every line is a row of the table."""
    part = [given_line(number, label) for number, (label, _) in enumerate(records)]
    parts = [part] if part else []
    refused = [b'{"line":1,"text":"x","reason":"y"}'] * left_out
    answers = [answer for _, answer in records]
    tally, rows = tabulated(parts, [joined(part, answers)], refused)
    assert tally.problem is None
    assert tally.scored + tally.unreadable + tally.missing == len(records) + left_out == len(rows)
    assert tally.scored == sum("label" in answer for _, answer in records)
    assert sum(map(sum, tally.matrix)) == sum(
        label is not None and "label" in answer for label, answer in records
    )


def test_the_table_has_a_row_an_image() -> None:
    """A prediction, an error record and a refused line each say what they know."""
    part = [given_line(0, 7), given_line(1, None), given_line(2, 3)]
    answers: list[dict[str, Any]] = [
        {"label": 1, "confidence": 0.9987},
        {"label": 2, "confidence": 1.0},
        {"error": "missing"},
    ]
    refused = [b'{"line":9,"text":"=cmd()","reason":"expected a JSON object, found text"}']
    tally, rows = tabulated([part], [joined(part, answers)], refused)
    assert [tuple(row[column] for column in COLUMNS) for row in rows] == [
        ("s3://bucket/incoming/b7/0.png", "7", "1", "0.9987", "", "", ""),
        ("s3://bucket/incoming/b7/1.png", "", "2", "1.0", "", "", ""),
        ("s3://bucket/incoming/b7/2.png", "3", "", "", "", "", "missing"),
        ("'=cmd()", "", "", "", "", "", "line 9: expected a JSON object, found text"),
    ]
    assert (tally.scored, tally.unreadable, tally.missing) == (2, 1, 1)
    assert tally.matrix[7][1] == 1


def test_the_second_most_probable_label_is_in_the_table() -> None:
    """Where the container gave all probabilities; a line of an earlier artifact has none."""
    part = [given_line(0, 7), given_line(1, None), given_line(2, 3)]
    likely = [0.0001, 0.0002, 0.0003, 0.0004, 0.0005, 0.0006, 0.0007, 0.0008, 0.0964, 0.9]
    answers: list[dict[str, Any]] = [
        {"label": 9, "confidence": 0.9, "probabilities": likely},
        {"label": 0, "confidence": 0.9999996783, "probabilities": [0.9999996783, *[3.574e-8] * 9]},
        {"label": 3, "confidence": 0.8},
    ]
    tally, rows = tabulated([part], [joined(part, answers)])
    assert [(row["confidence"], row["second"], row["second_confidence"]) for row in rows] == [
        ("0.9", "8", "0.0964"),
        ("0.9999996783", "1", "3.574e-08"),
        ("0.8", "", ""),
    ]
    assert (tally.scored, tally.doubts.images) == (3, 2)


TEN = [0.1] * 10


@pytest.mark.parametrize(
    "shares",
    [
        [0.2, 0.8],
        [0.2, 0.8, *[0.0] * 9],
        [0.21, 0.81, *[0.0] * 8],
        [0.8, 0.2, *[0.0] * 8],
        [-0.1, 0.8, 0.3, *[0.0] * 7],
        [0.2, 0.7, 0.1, *[0.0] * 7],
        ["0.2", 0.8, *[0.0] * 8],
        [None, 0.8, *[0.0] * 8],
        {"0": 0.2, "1": 0.8},
        "0123456789",
        7,
    ],
)
def test_probabilities_that_are_none_break_their_part(shares: Any) -> None:
    """Ten shares of one, the largest that of the prediction and its confidence: else nothing of it counts."""
    part = [given_line(0, 1)]
    tally, _ = tabulated([part], [joined(part, [{"label": 1, "confidence": 0.8, "probabilities": shares}])])
    assert "the ten probabilities" in (tally.problem or "")
    assert (tally.scored, tally.doubts.images, tally.missing) == (0, 0, 1)


def test_equal_probabilities_are_no_contradiction() -> None:
    """An image that could be anything has a second label, too."""
    part = [given_line(0, 1)]
    _, (row,) = tabulated([part], [joined(part, [{"label": 1, "confidence": 0.1, "probabilities": TEN}])])
    assert (row["prediction"], row["second"], row["second_confidence"]) == ("1", "0", "0.1")


PART = [given_line(0, 7), given_line(1, 1)]
GOOD: list[dict[str, Any]] = [{"label": 7, "confidence": 1.0}, {"label": 1, "confidence": 1.0}]


@pytest.mark.parametrize(
    ("output", "why"),
    [
        (None, "output part 1: expected 2 lines, found no object"),
        (b"", "output part 1: expected 2 lines, found 0"),
        (joined(PART[:1], GOOD[:1]), "output part 1: expected 2 lines, found 1"),
        (joined(PART, GOOD) * 2, "output part 1: expected 2 lines, found 4"),
        (body(PART), "output part 1, line 1: expected the input with SageMakerOutput"),
        (b"[]\n[]\n", "output part 1, line 1: expected the input with SageMakerOutput"),
        (b"{\n{\n", "output part 1, line 1: expected the input with SageMakerOutput"),
        (
            joined(PART, [GOOD[0], {"label": 10, "confidence": 1}]),
            "expected digits, found label 1 and prediction 10",
        ),
        (
            joined(PART, [GOOD[0], {"label": "7", "confidence": 1}]),
            "expected digits, found label 1 and prediction '7'",
        ),
        (joined(PART, [GOOD[0], {"label": 7}]), "output part 1, line 2: expected the input"),
        (
            joined(PART, [GOOD[0], {"label": 7, "confidence": 1.01}]),
            "output part 1, line 2: expected the input",
        ),
        (
            joined(PART, [GOOD[0], {"label": 7, "confidence": "x"}]),
            "output part 1, line 2: expected the input",
        ),
    ],
)
def test_a_broken_part_among_good_ones_is_missing_as_a_whole(output: bytes | None, why: str) -> None:
    """Partial output is never counted: the part's images are missing, each with a row that says so."""
    tally, rows = tabulated([PART, PART], [joined(PART, GOOD), output])
    assert tally.problem is not None
    assert why in tally.problem
    assert (tally.scored, tally.unreadable, tally.missing) == (2, 0, 2)
    assert [row["error"] for row in rows] == ["", "", NO_ANSWER, NO_ANSWER]
    assert [row["label"] for row in rows[2:]] == [row["label"] for row in rows[:2]] != ["", ""]


@pytest.mark.parametrize("ending", ["", "\n", "\n\n"])
@pytest.mark.parametrize("between", ["\n", "\n\n"])
def test_an_empty_line_after_a_record_means_nothing(between: str, ending: str) -> None:
    """AssembleWith may add one after each request's answer, so in the middle of a part, too."""
    output = joined(PART, GOOD).decode().removesuffix("\n").replace("\n", between) + ending
    assert output.count("\n") == len(between + ending)
    tally, rows = tabulated([PART], [output.encode()])
    assert tally.problem is None
    assert [row["prediction"] for row in rows] == ["7", "1"]


@pytest.mark.parametrize(
    ("output", "found"),
    [
        (b"\n" + joined(PART, GOOD), 3),
        (joined(PART, GOOD).replace(b"\n", b"\n\n\n", 1), 3),
        (joined(PART, GOOD) + b"\n\n", 3),
        (b"\n", 1),
        (joined(PART[:1], GOOD[:1]) + b"\n", 1),
    ],
)
def test_an_empty_line_elsewhere_is_a_line(output: bytes, found: int) -> None:
    """At the beginning, after another one, or in a record's place: the part is missing as a whole."""
    tally, _ = tabulated([PART], [output])
    assert tally.problem == f"output part 0: expected 2 lines, found {found}"
    assert (tally.scored, tally.missing) == (0, 2)


@given(
    st.lists(
        st.tuples(st.one_of(st.none(), st.integers(0, 9)), st.integers(0, 9), st.integers(0, 10_000)),
        max_size=60,
    ),
    st.integers(1, 20),
    st.integers(1, 5),
)
def test_mistakes_are_the_most_confident_and_every_label_counts_once(
    records: list[tuple[int | None, int, int]], size: int, most: int
) -> None:
    """However the lines are parted: mistakes by confidence, then by place; right and wrong by confidence."""
    part = [given_line(number, label) for number, (label, _, _) in enumerate(records)]
    answers = [
        {"label": found, "confidence": ten_thousandths / CONFIDENCE_UNIT}
        for _, found, ten_thousandths in records
    ]
    parts = [part[start : start + size] for start in range(0, len(part), size)]
    outputs: list[bytes | None] = [
        joined(part[start : start + size], answers[start : start + size])
        for start in range(0, len(part), size)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predictions, "SHOWN", most)
        tally, _ = tabulated(parts, outputs)
    wrong = [
        (ten_thousandths, part[number]["image"]["source-ref"], label, found)
        for number, (label, found, ten_thousandths) in enumerate(records)
        if label not in (None, found)
    ]
    listed = [(ten_thousandths / CONFIDENCE_UNIT, *rest) for ten_thousandths, *rest in wrong]
    assert tally.mistakes == sorted(listed, key=lambda mistake: -mistake[0])[:most]
    assert tally.wrong == Counter(mistake[0] for mistake in wrong)
    assert tally.right == Counter(
        ten_thousandths for label, found, ten_thousandths in records if label == found
    )


def test_the_first_images_without_a_prediction_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Error records and refused lines in their order, at most as many as a report shows."""
    monkeypatch.setattr(predictions, "SHOWN", 3)
    part = [given_line(number, 7) for number in range(2)]
    answers: list[dict[str, Any]] = [{"error": "missing"}, {"label": 7, "confidence": 1}]
    left_out = [b'{"line":3,"text":"=x","reason":"y"}'] * 2
    tally, _ = tabulated([part, part], [joined(part, answers)] * 2, left_out)
    image = "s3://bucket/incoming/b7/0.png"
    assert tally.unscored == [(image, 7, "missing")] * 2 + [("'=x", None, "line 3: y")]
    assert tally.unreadable == 2


def test_labels_that_are_not_used_are_listed_and_cost_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their images have their own rows; as many labels as a report shows are kept, in their order."""
    monkeypatch.setattr(predictions, "SHOWN", 2)
    part = [given_line(0, 7)]
    bad = [b'{"line":%d,"text":"x","reason":"y","kind":"label"}' % number for number in (1, 2, 4)]
    refused = b'{"line":3,"text":"x","reason":"y"}'
    tally, rows = tabulated([part], [joined(part, [{"label": 7, "confidence": 1}])], [*bad, refused])
    assert tally.label_problems == [(1, "x", "y"), (2, "x", "y")]
    assert (tally.unreadable, tally.unscored, len(rows)) == (1, [("x", None, "line 3: y")], 2)


@given(st.lists(st.integers(0, 4), max_size=5), st.integers(0, 4), st.integers(1, 6))
def test_what_is_listed_is_the_first_of_all_parts_and_refused_lines(
    sizes: list[int], refused: int, most: int
) -> None:
    """However many parts they lie in: of all that has no prediction, as many as a report shows."""
    parts = [[given_line(number, 7) for number in range(size)] for size in sizes]
    outputs: list[bytes | None] = [
        joined(part, [{"error": f"part {place}, {number}"} for number in range(len(part))])
        for place, part in enumerate(parts)
    ]
    left_out = [b'{"line":%d,"text":"x","reason":"y"}' % number for number in range(refused)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predictions, "SHOWN", most)
        tally, rows = tabulated(parts, outputs, left_out)
    reasons = [f"part {place}, {number}" for place, size in enumerate(sizes) for number in range(size)]
    reasons += [f"line {number}: y" for number in range(refused)]
    assert [reason for _, _, reason in tally.unscored] == reasons[:most]
    assert [row["error"] for row in rows] == reasons
    assert tally.unreadable == len(reasons)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_begins_like_a_formula(text: str) -> None:
    """A spreadsheet shows such text instead of running it."""
    assert escape_formula(text) == f"'{text}"


def test_other_cells_stay_as_they_are() -> None:
    """Text that no spreadsheet would run isn't changed."""
    assert escape_formula("not an image: b'='") == "not an image: b'='"


@given(st.permutations(range(8)))
def test_an_output_in_another_order_is_detected_at_its_first_line(order: list[int]) -> None:
    """Answers that aren't where their images are in the input count nowhere: the part is missing."""
    part = [given_line(number, number) for number in range(8)]
    answer = {"label": 3, "confidence": 0.9}
    tally, rows = tabulated([part], [joined([part[number] for number in order], [answer] * 8)])
    moved = [line for line, number in enumerate(order) if line != number]
    if not moved:
        assert tally.problem is None
        return
    first, image = moved[0] + 1, f"s3://bucket/incoming/b7/{moved[0]}.png"
    assert tally.problem is not None
    assert tally.problem.startswith(f"output part 0, line {first}: expected the answer to {image}, found")
    assert (tally.scored, tally.missing) == (0, 8)
    assert [row["image"] for row in rows] == [line["image"]["source-ref"] for line in part]


def test_an_image_that_is_no_text_is_detected() -> None:
    """Any other value in an image's place is a broken part, not a crash."""
    part = [given_line(1, 1)]
    output = body([{"image": {"source-ref": 7}, "SageMakerOutput": {"label": 1, "confidence": 0.9}}])
    tally, _ = tabulated([part], [output])
    assert tally.problem == (
        "output part 0, line 1: expected the answer to s3://bucket/incoming/b7/1.png, found that to 7"
    )


@pytest.mark.parametrize("size", [40, 1000])
@pytest.mark.parametrize("count", [99, 100, 101, 250])
def test_a_hundred_are_listed_of_any_number_over_any_parts(count: int, size: int) -> None:
    """Of equal confidences the first in the manifest; a more confident one of a later part leads the list."""
    mistakes = [given_line(number, 1) for number in range(count)]
    unscored = [given_line(number, 1) for number in range(count, 2 * count)]
    parts = [each[start : start + size] for each in (mistakes, unscored) for start in range(0, count, size)]
    wrong, late = {"label": 2, "confidence": 0.5}, {"label": 2, "confidence": 0.5001}
    answers: list[list[dict[str, Any]]] = [
        [wrong if line in mistakes else {"error": "missing"} for line in part] for part in parts
    ]
    answers[(count - 1) // size][-1] = late
    tally, rows = tabulated(parts, [joined(*each) for each in zip(parts, answers, strict=True)])
    assert len(rows) == 2 * count
    images = [mistake[1] for mistake in tally.mistakes]
    places = [line["image"]["source-ref"] for line in mistakes]
    assert images == [places[-1], *places[:-1]][:100]
    assert [mistake[0] for mistake in tally.mistakes] == [0.5001, *[0.5] * (min(count, 100) - 1)]
    listed = [line["image"]["source-ref"] for line in unscored][:100]
    assert [image for image, _, _ in tally.unscored] == listed
    assert (tally.missing, tally.wrong.total()) == (count, count)


@pytest.mark.parametrize("count", [99, 100, 101])
def test_refused_lines_fill_the_list_up_to_a_hundred(count: int) -> None:
    """They come after the images, in their own order, and all of them are counted."""
    part = [given_line(number, 1) for number in range(60)]
    left_out = [f'{{"line":{n},"text":"x","reason":"y"}}'.encode() for n in range(61, count + 1)]
    tally, _ = tabulated([part], [joined(part, [{"error": "unreadable"}] * 60)], left_out)
    assert len(tally.unscored) == min(count, 100)
    assert [reason for _, _, reason in tally.unscored[60:]] == [
        f"line {number}: y" for number in range(61, min(count, 100) + 1)
    ]
    assert tally.unreadable == count


@pytest.mark.parametrize("confidence", ["NaN", "nan", "inf", -0.0001, 1.0001, None, [], "1e999"])
def test_a_confidence_that_is_no_share_breaks_its_part(confidence: Any) -> None:
    """No such value gets into the table or a figure, though float() takes some of them."""
    tally, rows = tabulated([PART], [joined(PART, [GOOD[0], {"label": 1, "confidence": confidence}])])
    assert "output part 0, line 2: expected the input" in (tally.problem or "")
    assert [row["confidence"] for row in rows] == ["", ""]


def test_an_answer_of_nan_breaks_its_part() -> None:
    """JSON has no such number: a container that writes one has given no usable output."""
    output = joined(PART, GOOD).replace(b"1.0", b"NaN")
    assert b"NaN" in output
    tally, _ = tabulated([PART], [output])
    assert "output part 0, line 1: expected the input" in (tally.problem or "")


@pytest.mark.parametrize(("confidence", "expected"), [(0.57, 5700), (0.00004, 0), (0.99996, 10_000), (0, 0)])
def test_a_confidence_is_rounded_to_ten_thousandths(confidence: float, expected: int) -> None:
    """0.57 is 5,700 of them, although 0.57 times 10,000 is a little less in floating point."""
    tally, _ = tabulated(
        [[given_line(0, 1)]], [joined([given_line(0, 1)], [{"label": 2, "confidence": confidence}])]
    )
    assert tally.mistakes[0][0] == confidence
    assert tally.wrong == {expected: 1}


def test_the_first_broken_part_is_the_one_that_is_named() -> None:
    """Of several, the reader looks at the first."""
    tally, _ = tabulated([PART, PART], [None, b""])
    assert tally.problem == "output part 0: expected 2 lines, found no object"


def test_a_label_that_is_no_digit_breaks_its_part() -> None:
    """Labels travel through SageMaker's join: what comes back is checked."""
    part = [given_line(0, 11)]
    tally, _ = tabulated([[given_line(0, 1)]], [joined(part, [{"label": 1, "confidence": 1.0}])])
    assert tally.problem == "output part 0: expected digits, found label 11 and prediction 1"


@pytest.mark.parametrize("prediction", [7.0, True, None, [7]])
def test_a_prediction_that_is_no_whole_number_breaks_its_part(prediction: Any) -> None:
    """7.0 and true equal digits in Python; a container that writes them isn't ours."""
    part = [given_line(0, 7)]
    tally, _ = tabulated([part], [joined(part, [{"label": prediction, "confidence": 1.0}])])
    assert tally.problem is not None
    assert (tally.scored, tally.missing) == (0, 1)


@pytest.mark.parametrize("name", ['say "7", twice.png', "line\nbreak.png", "\\.png", "7 é ‮.png", "'.png"])
@pytest.mark.parametrize("answer", [{"label": 7, "confidence": 1.0}, {"error": 'not "an" image,\nat all'}])
def test_the_table_keeps_every_name_and_reason(name: str, answer: dict[str, Any]) -> None:
    """Quotes, commas and line breaks are read by a spreadsheet as they were."""
    part = [{"image": {"source-ref": f"s3://bucket/incoming/b7/{name}"}, "label": 7}]
    _, (row,) = tabulated([part], [joined(part, [answer])])
    assert row["image"] == f"s3://bucket/incoming/b7/{name}"
    assert row["error"] == answer.get("error", "")


def test_a_container_s_reason_is_no_formula_either() -> None:
    """What it says of an image is other people's text: neither table nor report hands it to a spreadsheet."""
    part = [given_line(0, 7)]
    tally, (row,) = tabulated([part], [joined(part, [{"error": "=HYPERLINK(1)"}])])
    assert row["error"] == tally.unscored[0][2] == "'=HYPERLINK(1)"
