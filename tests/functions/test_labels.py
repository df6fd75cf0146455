"""The labels that a manifest may give."""

import pytest

from batch_prediction import labels


@pytest.mark.parametrize(
    ("given", "label"),
    [
        (0, 0),
        (9, 9),
        ("7", 7),
        (" 7 ", 7),
        (7.0, 7),
        ("7.", 7),
        ("7.000000", 7),
        ("seven", 7),
        ("Zero", 0),
        ("7 - seven", 7),
        ("digit_7", 7),
        ("Class 7", 7),
    ],
)
def test_a_digit_is_a_label_as_a_number_and_as_text(given: object, label: int) -> None:
    """CSV gives labels as text, JSON as numbers, tools as floats, people as words: all mean the same."""
    assert labels.parse(given) == label


@pytest.mark.parametrize(
    "given",
    [
        10,
        -1,
        True,
        7.5,
        "7.5",
        "",
        "eleven",
        "7 - eight",
        "digit_12",
        "07",
        "٧",
        None,
        [7],
        {"label": 7},
        float("nan"),
    ],
)
def test_anything_else_is_refused_with_what_was_found(given: object) -> None:
    """A label that isn't one of the ten digits is an error that shows it."""
    with pytest.raises(ValueError, match="expected a digit from 0 to 9, found"):
        labels.parse(given)
