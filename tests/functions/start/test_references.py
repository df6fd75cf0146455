"""Where images are in an archive, and which are read together."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from batch_prediction.archives.member import DEFLATED, Member
from batch_prediction.runs.parts import SMALL_PART
from batch_prediction.start.references import MAX_GAP, MAX_RANGE, of_members


def members(*places: tuple[int, int]) -> list[Member]:
    """Members of a tar from and to these positions."""
    return [Member(f"{at}.png", at, end, end - at, end - at) for at, end in places]


def ranges(found: Sequence[Member | None], kind: str = "tar") -> list[list[int] | None]:
    """The range of each; there are no more of them than requests are counted."""
    listed = list(of_members(found, kind))
    places = [place.get("range") for place, _ in listed]
    assert sum(another for _, another in listed) >= len({tuple(place) for place in places if place})
    return places


def test_neighbours_are_read_together() -> None:
    """With the gap between them, as long as it takes less time than a request."""
    assert ranges(members((512, 600), (1024, 1100))) == [[512, 1100]] * 2
    near, far = 600 + MAX_GAP, 601 + MAX_GAP
    assert ranges(members((512, 600), (near, near + 1))) == [[512, near + 1]] * 2
    assert ranges(members((512, 600), (far, far + 1))) == [[512, 600], [far, far + 1]]


def test_a_range_of_several_is_bounded() -> None:
    """One of a single image is as long as the image."""
    half = MAX_RANGE // 2
    assert ranges(members((0, half), (half, 2 * half), (2 * half, 2 * half + 1))) == [
        [0, 2 * half],
        [0, 2 * half],
        [2 * half, 2 * half + 1],
    ]
    assert ranges(members((0, 3 * MAX_RANGE), (3 * MAX_RANGE, 3 * MAX_RANGE + 5))) == [
        [0, 3 * MAX_RANGE],
        [3 * MAX_RANGE, 3 * MAX_RANGE + 5],
    ]


def test_a_range_does_not_go_on_in_another_part() -> None:
    """Parts are read by different instances; a million images are a thousand requests."""
    found = ranges(members(*((number * 10, number * 10 + 9) for number in range(2 * SMALL_PART))))
    assert found == [[0, 9_999]] * SMALL_PART + [[10_000, 19_999]] * SMALL_PART


def test_a_zip_s_member_ends_where_the_next_one_begins() -> None:
    """Its local header has a length that the directory doesn't know."""
    first = Member("1.png", 0, 130_000, 90, 90, DEFLATED, 5)
    second = first._replace(name="2.png", at=200, end=130_200)
    (one, _), (two, _) = of_members([first, second], "zip")
    assert one == {"at": 0, "size": 90, "packed": 90, "method": 8, "crc": 5, "range": [0, 130_200]}
    assert two == one | {"at": 200}
    far = second._replace(at=300_000, end=430_000)
    assert ranges([first, far], "zip") == [[0, 130_000], [300_000, 430_000]]


def test_images_that_are_not_there_have_no_place() -> None:
    """And cost no request."""
    assert ranges([None, None, *members((5, 9))]) == [None, None, [5, 9]]
    assert list(of_members([None], "tar")) == [({}, False)]


def test_an_empty_member_has_a_range_of_a_byte() -> None:
    """For an empty range S3 would send the whole archive."""
    assert ranges(members((512, 512))) == [[512, 513]]


def test_a_gzipped_archive_is_one_request() -> None:
    """Its images are places in what it unpacks to, of which nothing behind the last one is needed."""
    listed = list(of_members([None, *members((512, 600), (1024, 1100))], "tar.gz"))
    assert [place for place, _ in listed] == [
        {},
        {"at": 512, "size": 88, "unpacked": 1100},
        {"at": 1024, "size": 76, "unpacked": 1100},
    ]
    assert sum(another for _, another in listed) == 1
    assert list(of_members([None], "tar.gz")) == [({}, False)]


@given(st.lists(st.tuples(st.integers(0, 5 * MAX_RANGE), st.integers(0, 2 * MAX_RANGE)), max_size=40))
def test_any_member_is_in_its_range(places: list[tuple[int, int]]) -> None:
    """Whatever a hostile directory says: overlapping, one in the other, all at one place."""
    found = members(*((at, at + size) for at, size in sorted(places)))
    for each, place in zip(found, ranges(found), strict=True):
        assert place is not None
        assert place[0] <= each.at < place[1]
        assert place[1] - place[0] <= max(MAX_RANGE, *(other.size for other in found), 1)
