"""What a proof says of a transform job's output."""

import json
from typing import Any

import pytest

from cli.prove import answers
from cli.prove.batch import forty
from cli.prove.links import Broken, Seen, Waiting

ENTRIES = forty()
SENT = [entry for entry in ENTRIES if entry.body is not None]
NAME = answers.OUTPUT


def answered() -> list[dict[str, Any]]:
    """The right answer to each image."""
    return [
        {"error": f"{entry.error}…"} if entry.error else {"label": entry.label, "confidence": 0.99}
        for entry in SENT
    ]


def joined(given: list[dict[str, Any]]) -> bytes:
    """The answers joined to the lines of the input, in this order."""
    lines = [
        {"image": {"source-ref": f"s3://b/incoming/p/{entry.name}"}, "SageMakerOutput": answer}
        for entry, answer in zip(SENT, given, strict=True)
    ]
    return "".join(f"{json.dumps(line)}\n" for line in lines).encode()


WHOLE = joined(answered())


@pytest.mark.parametrize("name", [NAME, f"input/{NAME}"])
def test_one_output_with_a_line_a_record_holds(name: str) -> None:
    """Wherever below the attempt's prefix it lies; the key and the line ends are shown."""
    assert answers.layout({name: WHOLE}, 39) == Seen(f"{name}, 39 lines, each ended by a line feed")


def test_blank_lines_are_shown_and_break_nothing() -> None:
    """The service may add them; there is none in the container's answer."""
    sight = answers.layout({NAME: WHOLE + b"\n"}, 39)
    assert sight == Seen(f"{NAME}, 39 lines, each ended by a line feed, 1 blank")


def test_without_an_output_it_is_waited_for() -> None:
    """S3 shows an object as soon as it is written, the job ends later."""
    assert answers.layout({}, 39) == Waiting("no object below the attempt's prefix")


@pytest.mark.parametrize(
    ("outputs", "found"),
    [
        ({NAME: WHOLE, "input/" + NAME: WHOLE}, f"input/{NAME}, {NAME}"),
        ({"part-00000.jsonl": WHOLE}, "part-00000.jsonl"),
        ({NAME: WHOLE[:-1]}, f"{NAME}, whose last line ends without a line feed: "),
        ({NAME: WHOLE.replace(b"\n", b"\r\n")}, f"{NAME}, with 39 carriage returns"),
        ({NAME: WHOLE[: WHOLE.index(b"\n") + 1]}, f"{NAME}, 1 lines and 0 blank ones"),
        ({NAME: WHOLE + b"\n{}\n"}, f"{NAME}, 40 lines and 1 blank ones"),
    ],
)
def test_another_output_is_broken(outputs: dict[str, bytes], found: str) -> None:
    """Two of them, another name, other line ends and another number of lines are named."""
    sight = answers.layout(outputs, 39)
    assert isinstance(sight, Broken)
    assert sight.found.startswith(found)


def test_answers_at_their_own_images_hold() -> None:
    """Each of the seven images that reached the container has its own error, blank lines don't count."""
    expected = Seen("32 of 32 digits with their own label, 7 errors at their own images")
    assert answers.order({NAME: WHOLE}, ENTRIES) == expected
    assert answers.order({NAME: WHOLE.replace(b"\n", b"\n\n")}, ENTRIES) == expected


def test_misread_digits_are_no_other_order() -> None:
    """A weak model reads half of them; with fewer, nothing shows that the answers are the images' own."""
    given = answered()
    digits = [place for place, answer in enumerate(given) if "label" in answer]
    for place in digits[:16]:
        given[place] = {"label": (given[place]["label"] + 1) % 10}
    sight = answers.order({NAME: joined(given)}, ENTRIES)
    assert sight == Seen("16 of 32 digits with their own label, 7 errors at their own images")
    given[digits[16]] = {"label": (given[digits[16]]["label"] + 1) % 10}
    assert answers.order({NAME: joined(given)}, ENTRIES) == Broken("15 of 32 digits with their own label")


@pytest.mark.parametrize("turn", [1, 10, 20, 38])
def test_answers_of_other_images_are_broken(turn: int) -> None:
    """However far the answers are shifted, an error stands at a good image, or none at a wrong one."""
    given = answered()
    assert isinstance(answers.order({NAME: joined(given[turn:] + given[:turn])}, ENTRIES), Broken)
    assert isinstance(answers.order({NAME: joined(given[::-1])}, ENTRIES), Broken)


def test_lines_in_another_order_are_broken() -> None:
    """An answer joined to its own image is wrong, too, where the line isn't in the input's place."""
    lines = WHOLE.splitlines(keepends=True)
    sight = answers.order({NAME: b"".join([lines[1], lines[0], *lines[2:]])}, ENTRIES)
    assert sight == Broken("s3://b/incoming/p/digit-01.png where digit-00.png was sent")


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"error": "another"}, 'digit-00.png has the answer {"error": "another"}'),
        (None, "b'{\"image\"' where digit-00.png was sent"),
    ],
)
def test_a_line_without_its_answer_is_shown(changes: dict[str, Any] | None, found: str) -> None:
    """A good image with an error and a line that isn't joined are named."""
    body = joined([changes, *answered()[1:]]) if changes else b'{"image"' + WHOLE[WHOLE.index(b"\n") :]
    assert answers.order({NAME: body}, ENTRIES) == Broken(found)


def test_a_wrong_image_with_another_error_is_shown() -> None:
    """Access that is denied isn't the error of an archived image."""
    given = answered()
    place = [entry.name for entry in SENT].index("archived.png")
    given[place] = {"error": "access denied"}
    sight = answers.order({NAME: joined(given)}, ENTRIES)
    assert sight == Broken('archived.png has the answer {"error": "access denied"}')


COVERAGE = {"expected": 40, "scored": 32, "unreadable": 8, "missing": 0}


def test_the_counts_are_those_of_the_batch() -> None:
    """The report counts all 40 lines, the line that was left out among the unreadable ones."""
    found = "Completed: 40 expected, 32 scored, 8 unreadable, 0 missing"
    assert answers.counts(COVERAGE, "Completed", ENTRIES) == Seen(found)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "Failed"),
        ({"missing": 1}, "Completed"),
        ({"unreadable": 7}, "Completed"),
        ({"expected": 39}, "Completed"),
    ],
)
def test_other_counts_are_broken(changes: dict[str, int], status: str) -> None:
    """Any other number or status is shown as it was found."""
    sight = answers.counts(COVERAGE | changes, status, ENTRIES)
    assert isinstance(sight, Broken)
    assert sight.found.startswith(f"{status}: ")
