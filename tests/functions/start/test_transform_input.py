"""A run's input: the manifest's lines, in parts."""

import json
from dataclasses import replace
from typing import Any

import pytest

from batch_prediction.aws.clients import Clients
from batch_prediction.runs import parts
from batch_prediction.runs.parts import digest, part_sizes
from batch_prediction.runs.reason_codes import ReasonCode
from batch_prediction.start import transform_input
from batch_prediction.start.transform_input import TransformInput
from tests.functions.start.uploads import (
    KEY,
    RUN,
    content,
    image,
    upload,
)
from tests.settings_and_events import BUCKET

PREFIX = f"s3://{BUCKET}/incoming/b7/"
BROKEN = "broken"


def write(aws: Clients, lines: list[str], max_images: int = 10_000, key: str = KEY) -> TransformInput:
    """Upload a manifest and write its run's input."""
    version = upload(aws, lines, key).version
    return transform_input.write(aws.s3, BUCKET, RUN, key, version, max_images)


def records(body: bytes) -> list[dict[str, Any]]:
    """The lines of an object, each of which ends with a line feed."""
    assert body.endswith(b"\n")
    return [json.loads(line) for line in body.split(b"\n")[:-1]]


def test_input_of_several_parts_holds_every_line_in_order(aws: Clients) -> None:
    """Reading the parts one after the other gives the manifest's lines."""
    written = write(aws, [image(number) for number in range(2_001)])
    assert written.lines == 2_001
    objects = content(aws, RUN.input_prefix)
    assert list(objects) == [RUN.input_part(part) for part in range(3)]
    lines = b"".join(objects.values()).splitlines()
    assert [json.loads(line)["image"]["source-ref"].rpartition("/")[2] for line in lines] == [
        f"{number}.png" for number in range(2_001)
    ]


def test_parts_are_those_that_the_report_will_look_for(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two parts of three lines, then parts of five: sizes and digests are those of `runs/parts.py`."""
    monkeypatch.setattr(parts, "SMALL_PART", 3)
    monkeypatch.setattr(parts, "SMALL_PARTS", 2)
    monkeypatch.setattr(parts, "LARGE_PART", 5)
    for lines in (1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 17):
        run = replace(RUN, batch=f"{lines} lines")
        version = upload(aws, [image(number, 0) for number in range(lines)]).version
        written = transform_input.write(aws.s3, BUCKET, run, KEY, version, 100)
        stored = [records(body) for body in content(aws, run.input_prefix).values()]
        assert [len(part) for part in stored] == list(part_sizes(lines))
        assert written.digests == [digest([line["image"]["source-ref"] for line in part]) for part in stored]
        assert [line for part in stored for line in part] == [
            {"image": {"source-ref": f"{PREFIX}{number}.png"}, "label": 0} for number in range(lines)
        ]


def test_lines_are_counted_as_what_they_are(aws: Clients) -> None:
    """Zero is a label; an image that is named twice is two lines; blank lines none; bad labels are said."""
    lines = [image(1, 0), "", image(1, 0), BROKEN, image(2), image(3, 10), " ", image(4, 9)]
    written = write(aws, lines)
    assert (written.lines, written.labelled, written.left_out, written.problem) == (5, 3, 1, None)
    assert written.bad_labels == 1
    objects = content(aws, RUN.prefix)
    assert [line.get("label") for line in records(objects.pop(RUN.input_part(0)))] == [0, 0, None, None, 9]
    kept = records(objects.pop(RUN.left_out))
    assert [(line["line"], line.get("kind")) for line in kept] == [(4, None), (6, "label")]
    assert not objects


def test_a_manifest_without_refused_lines_leaves_no_list_of_them(aws: Clients) -> None:
    """left_out.jsonl exists where a line was left out, and only there."""
    write(aws, [image(1)])
    assert list(content(aws, RUN.prefix)) == [RUN.input_part(0)]


def test_as_many_lines_as_the_limit_are_taken_and_one_more_is_refused(aws: Clients) -> None:
    """Lines that are left out count against MaxImages; beyond it lines are counted, but not written."""
    lines = [image(1, 1), BROKEN, image(2, 2)]
    assert write(aws, lines, max_images=3).problem is None
    before = content(aws, RUN.prefix)
    for more, counts in ((image(3, 3), (3, 3, 1)), (BROKEN, (2, 2, 2))):
        written = write(aws, [*lines, more], max_images=3)
        assert (written.lines, written.labelled, written.left_out) == counts
        assert written.problem == (
            "expected at most 3 images (the stack's parameter MaxImages), found 4: "
            "raise it, or divide the batch",
            ReasonCode.TOO_MANY_IMAGES,
        )
        assert content(aws, RUN.prefix) == before


def test_refused_lines_beyond_the_limit_leave_an_empty_list(aws: Clients) -> None:
    """The report of the refusal reads left_out.jsonl wherever a line was left out."""
    written = write(aws, [image(1), image(2), BROKEN], max_images=1)
    assert written.left_out == 1
    assert content(aws, RUN.prefix)[RUN.left_out] == b""


@pytest.mark.parametrize(
    ("lines", "key", "reason", "code"),
    [
        ([], KEY, f"{KEY} has no line that can be used; left out: 0", ReasonCode.NO_USABLE_LINES),
        (
            ["", "[1]"],
            KEY,
            f"{KEY} has no line that can be used; left out: 1; the first, line 2: expected a JSON object, "
            "found list",
            ReasonCode.NO_USABLE_LINES,
        ),
        (
            [BROKEN] * 3,
            KEY,
            "expected at most 2 images (the stack's parameter MaxImages), found 3: "
            "raise it, or divide the batch",
            ReasonCode.TOO_MANY_IMAGES,
        ),
        (
            ["1.png"],
            "incoming/b7/manifest.csv",
            "manifest.csv, line 1: expected a header with the column file_name (and perhaps label), "
            "found '1.png'; it looks like an image's line: put a header such as file_name,label above it",
            ReasonCode.MANIFEST_UNREADABLE,
        ),
    ],
)
def test_a_manifest_that_cannot_be_used_has_a_reason_and_its_code(
    aws: Clients, lines: list[str], key: str, reason: str, code: ReasonCode
) -> None:
    """The first that applies: too many lines, no header, no line to score; one line is enough."""
    assert write(aws, lines, 2, key).problem == (reason, code)
    assert write(aws, [image(1)], 2).problem is None


def test_the_version_is_read_that_was_uploaded(aws: Clients) -> None:
    """A manifest that has been replaced meanwhile is another run's."""
    old = upload(aws, [image(1)]).version
    upload(aws, [image(2), image(3)])
    assert transform_input.write(aws.s3, BUCKET, RUN, KEY, old, 10).lines == 1


def test_refused_lines_beyond_what_is_kept_in_memory_are_all_written(
    aws: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list goes on on disk, and is the same."""
    write(aws, [BROKEN] * 50)
    expected = content(aws, RUN.prefix)[RUN.left_out]
    monkeypatch.setattr(transform_input, "_IN_MEMORY", 100)
    write(aws, [BROKEN] * 50)
    assert content(aws, RUN.prefix)[RUN.left_out] == expected
    assert [line["line"] for line in records(expected)] == list(range(1, 51))
