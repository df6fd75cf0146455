"""A run's parts."""

import hashlib

import pytest

from batch_prediction.runs.parts import digest, part_size, part_sizes


def test_parts_have_a_thousand_lines_and_later_ten_thousand() -> None:
    """A million images are a thousand parts; beyond that parts grow, and their number stays reasonable."""
    assert list(part_sizes(0)) == []
    assert list(part_sizes(2_500)) == [1000, 1000, 500]
    sizes = list(part_sizes(1_025_000))
    assert sizes[:1000] == [1000] * 1000
    assert sizes[1000:] == [10_000, 10_000, 5_000]


@pytest.mark.parametrize(
    ("lines", "sizes"),
    [
        (1, [1]),
        (999, [999]),
        (1000, [1000]),
        (1001, [1000, 1]),
        (1999, [1000, 999]),
        (2000, [1000, 1000]),
        (2001, [1000, 1000, 1]),
    ],
)
def test_a_part_is_full_before_the_next_one_begins(lines: int, sizes: list[int]) -> None:
    """There is no part of no lines, and none above its size."""
    assert list(part_sizes(lines)) == sizes


def test_the_thousandth_part_is_the_last_small_one() -> None:
    """A million lines are a thousand parts; the first line beyond begins a large one."""
    assert [part_size(part) for part in (0, 999, 1000)] == [1000, 1000, 10_000]
    for lines, parts, last in (
        (999_999, 1000, 999),
        (1_000_000, 1000, 1000),
        (1_000_001, 1001, 1),
        (1_010_000, 1001, 10_000),
        (1_010_001, 1002, 1),
    ):
        sizes = list(part_sizes(lines))
        assert (len(sizes), sizes[-1], sum(sizes)) == (parts, last, lines)


def test_a_digest_is_what_earlier_versions_wrote() -> None:
    """run.json keeps it: a run is decided by one version and reported by the next."""
    assert digest(["s3://b/1.png", "s3://b/ü.png"]) == "bdb21fc9bf17cae1"
    assert digest(["a", "b"]) == hashlib.sha256(b"a\nb").hexdigest()[:16]


def test_every_image_of_a_part_counts_in_its_digest() -> None:
    """Another one, one less, one twice and a name that is cut elsewhere are all another part."""
    parts = [
        ["a", "b", "c"],
        ["a", "b", "d"],
        ["x", "b", "c"],
        ["a", "x", "c"],
        ["a", "b"],
        ["a", "b", "c", "c"],
        ["ab", "c"],
    ]
    assert len({digest(images) for images in parts}) == len(parts)


def test_a_digest_distinguishes_the_order_of_the_same_images() -> None:
    """An output whose lines are mixed up isn't the part's."""
    assert digest(["s3://b/1.png", "s3://b/2.png"]) != digest(["s3://b/2.png", "s3://b/1.png"])
    assert digest(["s3://b/1.png"]) == digest(["s3://b/1.png"])
