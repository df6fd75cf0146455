"""Reasons without a prediction, grouped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_prediction.report import failures
from batch_prediction.report.content import Failure
from batch_prediction.report.failures import Failures


def grouped(*reasons: str) -> list[Failure]:
    """The groups of one image a reason, named by its number."""
    found = Failures()
    for number, reason in enumerate(reasons):
        found.add(reason, f"{number}.png")
    return found.shown()


def test_the_same_reason_is_one_group_with_its_first_image() -> None:
    """The most frequent reason comes first, as it was given."""
    assert grouped("not an image: a damaged PNG", "missing", "missing") == [
        {"reason": "missing", "images": 2, "example": "1.png"},
        {"reason": "not an image: a damaged PNG", "images": 1, "example": "0.png"},
    ]


SIZE = "expected 28 × 28 pixels, found {} × 28: scale it first"
LABEL = "label: expected a digit from 0 to 9, found {}"
PLACE = "expected an object below s3://b/incoming/b7/, found {}"


@pytest.mark.parametrize(
    ("reason", "values"),
    [
        (SIZE, ("12", "640", "1,024")),
        (LABEL, ("'seven'", "'it\\'s'", '"a \\"b\\""')),
        (PLACE, ("s3://x/1.png", "s3://y/two.png", "/home/x.png")),
        ("expected UTF-8, found {}", ("b'\\xff'", "b'\\xfe'")),
    ],
)
def test_what_differs_within_a_reason_is_left_out_and_what_does_not_stays(
    reason: str, values: tuple[str, ...]
) -> None:
    """Quoted texts, paths and numbers don't make other reasons; those that are the same in all are shown."""
    (group,) = grouped(*(reason.format(value) for value in values))
    assert (group["reason"], group["images"]) == (reason.format("…"), len(values))


def test_other_words_are_another_reason() -> None:
    """Only what varies within a kind is ignored."""
    assert len(grouped("expected 9 fields, found 8", "expected 9 lines, found 8")) == 2


def test_the_last_group_stands_for_all_that_are_not_shown() -> None:
    """Of 100 kinds 19 are shown, and the counts add up."""
    found = grouped(*("x" * (1 + number) for number in range(100)))
    assert len(found) == failures.SHOWN
    assert found[-1] == {"reason": failures.OTHER, "images": 81, "example": "19.png"}


def test_a_manifest_with_a_reason_a_line_takes_bounded_memory() -> None:
    """Beyond 1,000 kinds the new ones are one group, the largest."""
    found = grouped(*("x" * (1 + number % 250) + "y" * (number // 250) for number in range(3_000)))
    assert found[0] == {"reason": failures.OTHER, "images": 2_000, "example": "1000.png"}
    assert sum(each["images"] for each in found) == 3_000


@given(st.lists(st.text(max_size=400), max_size=50))
def test_any_reasons_add_up(reasons: list[str]) -> None:
    """Whatever containers and manifests say, each image is counted once, in reasons of bounded length."""
    found = grouped(*reasons)
    assert sum(each["images"] for each in found) == len(reasons)
    assert all(len(each["reason"]) <= 300 for each in found)


def test_a_group_is_a_line() -> None:
    """Reason, count and example."""
    line = failures.in_words({"reason": "missing", "images": 1_200, "example": "s3://b/1.png"}, "1.png")
    assert line == "missing: 1,200, e.g. 1.png"
