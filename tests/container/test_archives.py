"""Images inside archives, fetched as the lines say that start_transform writes."""

import contextlib
import json
import re
import zlib
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

import archives
import inference
from archives import MemberError, place_of
from batch_prediction.archives import member
from batch_prediction.archives.listing import MAX_UNPACKED
from batch_prediction.start import references
from batch_prediction.start.sources import Line, open_source
from tests.container.blocks import blocks, png
from tests.functions.archives.packed import one_of_a_kind

KINDS = ["zip", "tar", "tar.gz"]
KEY = "incoming/b7.zip"
DIGITS = [7, 0, 3, 3, 9, 1, 5, 2, 8, 4, 6] * 3
Record = dict[str, Any]


def pictures() -> list[bytes]:
    """An image of each digit."""
    return [png(image) for image in blocks(10, seed=7)[0]]


def stored(s3: Any, body: bytes) -> str:
    """Upload an archive, and then another one in its place; returns the first one's version."""
    s3.put_bucket_versioning(Bucket="digits", VersioningConfiguration={"Status": "Enabled"})
    version: str = s3.put_object(Bucket="digits", Key=KEY, Body=body)["VersionId"]
    s3.put_object(Bucket="digits", Key=KEY, Body=b"another")
    return version


def records(s3: Any, body: bytes) -> list[Record]:
    """The records of an archive's images, as start_transform writes them."""
    source = open_source(s3, "digits", KEY, stored(s3, body), 10_000)
    return [line.reference for line in source.items() if isinstance(line, Line)]


def of_digits(s3: Any, kind: str) -> list[Record]:
    """The records of an archive of DIGITS, in their order."""
    images = pictures()
    files = [(f"{number:02}.png", images[digit]) for number, digit in enumerate(DIGITS)]
    return records(s3, one_of_a_kind(kind, files))


def requests(model: inference.Model) -> list[dict[str, Any]]:
    """The GetObject requests that the model makes from now on."""
    asked: list[dict[str, Any]] = []
    model.s3.meta.events.register(
        "provide-client-params.s3.GetObject", lambda params, **_: asked.append(params)
    )
    return asked


def answers(model: inference.Model, wanted: list[Record]) -> list[dict[str, Any]]:
    """The predictions of these records."""
    return inference.predict_fn([json.dumps(record).encode() for record in wanted], model)


def errors(model: inference.Model, wanted: list[Record]) -> list[str | None]:
    """The errors of these records."""
    return [answer.get("error") for answer in answers(model, wanted)]


@pytest.mark.parametrize("kind", KINDS)
def test_members_are_read_in_their_version_with_one_request(
    model: inference.Model, s3: Any, kind: str
) -> None:
    """All images of a small archive are one request's, though the archive has been replaced since."""
    wanted = of_digits(s3, kind)
    asked = requests(model)
    assert [answer["label"] for answer in answers(model, wanted)] == DIGITS
    (only,) = asked
    assert only["VersionId"] == wanted[0]["version"]
    assert re.fullmatch(r"bytes=\d+-\d+", only["Range"]) if kind != "tar.gz" else "Range" not in only


def test_members_and_loose_images_are_answered_in_their_order(model: inference.Model, s3: Any) -> None:
    """A request may have both."""
    images = pictures()
    for digit in range(10):
        s3.put_object(Bucket="digits", Key=f"incoming/b7/{digit}.png", Body=images[digit])
    packed = of_digits(s3, "zip")[:10]
    loose = [{"source-ref": f"s3://digits/incoming/b7/{digit}.png"} for digit in range(10)]
    mixed = [record for pair in zip(packed, loose, strict=True) for record in pair]
    expected = [digit for pair in zip(DIGITS, range(10), strict=False) for digit in pair]
    assert [answer["label"] for answer in answers(model, mixed)] == expected


def test_a_gzipped_archive_is_fetched_once_a_worker(model: inference.Model, s3: Any) -> None:
    """Request after request; another archive takes its place."""
    first = of_digits(s3, "tar.gz")
    asked = requests(model)
    for part in (first[:5], first[5:9], first[:1]):
        assert [answer["label"] for answer in answers(model, part)] == [
            DIGITS[int(record["member"][:2])] for record in part
        ]
    assert len(asked) == 1
    second = records(s3, one_of_a_kind("tar.gz", {"1.png": pictures()[1]}))
    asked.clear()
    assert [answer["label"] for answer in answers(model, second)] == [1]
    assert asked[-1]["VersionId"] == second[0]["version"]


def test_bad_members_cost_their_own_line_only(model: inference.Model, s3: Any) -> None:
    """What isn't an image, what the manifest alone knows, what is empty."""
    images = pictures()
    manifest = "\n".join(json.dumps({"file_name": name}) for name in ("a.png", "b.png", "c.png", "d.png"))
    files = {"manifest.jsonl": manifest.encode(), "a.png": images[3], "b.png": b"text", "c.png": b""}
    for kind in KINDS:
        wanted = records(s3, one_of_a_kind(kind, files))
        assert [record["member"] for record in wanted] == ["d.png", "a.png", "b.png", "c.png"]
        assert errors(model, wanted) == ["missing", None, *["not an image: expected PNG or JPEG"] * 2]


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize(
    "change", [{"at": 1}, {"at": 10**12}, {"size": 99_999}, {"range": [10**9, 10**9 + 1]}], ids=str
)
def test_a_member_that_is_not_where_its_record_says_is_damaged(
    model: inference.Model, s3: Any, kind: str, change: Record
) -> None:
    """Its neighbours are read all the same."""
    wanted = of_digits(s3, kind)[:2]
    assert errors(model, [wanted[0], wanted[1] | change]) in (
        [None, archives.DAMAGED],
        [None, "not an image: expected PNG or JPEG"],  # a tar has no checksums
    )


def test_a_zip_s_member_with_another_checksum_is_damaged(model: inference.Model, s3: Any) -> None:
    """No image is read that isn't the one that was packed."""
    wanted = of_digits(s3, "zip")[:2]
    assert errors(model, [wanted[0] | {"crc": 5}, wanted[1]]) == [archives.DAMAGED, None]
    assert errors(model, [wanted[0] | {"method": 0}, wanted[1]]) == [archives.DAMAGED, None]


def test_of_a_damaged_gzipped_archive_the_beginning_is_read(model: inference.Model, s3: Any) -> None:
    """Images behind the damage are errors, request after request, and the archive is fetched once."""
    wanted = of_digits(s3, "tar.gz")
    whole = s3.get_object(Bucket="digits", Key=KEY, VersionId=wanted[0]["version"])["Body"].read()
    version = stored(s3, whole[: len(whole) // 2])
    cut = [record | {"version": version} for record in wanted]
    asked = requests(model)
    found = errors(model, cut)
    assert found[0] is None
    assert found[-1] == archives.DAMAGED
    assert errors(model, cut) == found
    assert len(asked) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"version": "absent"}, "missing"),
        ({"source-ref": "s3://digits/incoming/absent.zip"}, "missing"),
        (
            {"source-ref": "s3://digits/other/b7.zip"},
            "outside s3://digits/incoming/: s3://digits/other/b7.zip",
        ),
        ({"source-ref": "s3://digits/incoming/../b7.zip"}, "not a key"),
    ],
)
def test_an_archive_that_cannot_be_read_is_each_of_its_records_error(
    model: inference.Model, s3: Any, kind: str, change: Record, error: str
) -> None:
    """It is gone, or outside the batches; other records of the request are answered."""
    wanted = of_digits(s3, kind)[:3]
    found = errors(model, [wanted[0] | change, wanted[1], wanted[2] | change])
    assert found[1] is None
    assert found[0] == found[2]
    assert str(found[0]).startswith(error)


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_of_the_service_fails_the_request(
    model: inference.Model, s3: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """SageMaker sends it again; then the archive is read."""
    wanted = of_digits(s3, kind)
    slow = ClientError({"Error": {"Code": "SlowDown", "Message": ""}}, "GetObject")
    for failure in (slow, ReadTimeoutError(endpoint_url="s3")):

        def fail(_failure: Exception = failure, **_: object) -> None:
            raise _failure

        with monkeypatch.context() as patched:
            patched.setattr(model.s3, "get_object", fail)
            with pytest.raises(type(failure)):
                answers(model, wanted)
    assert [answer["label"] for answer in answers(model, wanted)] == DIGITS


GOOD: Record = {"source-ref": "s3://digits/incoming/b7.zip", "version": "v", "member": "1.png"} | {
    "at": 5,
    "size": 300,
    "range": [5, 999],
    "packed": 200,
    "method": 8,
    "crc": 1,
}


@pytest.mark.parametrize(
    "change",
    [
        {"at": -1},
        {"at": True},
        {"at": "5"},
        {"size": None},
        {"size": 1.5},
        {"range": [5]},
        {"range": [5, 5]},
        {"range": [6, 5]},
        {"range": "ab"},
        {"range": None},
        {"packed": -1},
        {"method": 12},
        {"crc": "1"},
        {"unpacked": -1},
        {"unpacked": "x"},
    ],
    ids=str,
)
def test_a_place_that_is_none_is_the_records_error(change: Record) -> None:
    """Positions and sizes are counts; for an empty range, S3 would send the whole archive."""
    with pytest.raises(MemberError, match="not a record: expected the place of a member of an archive"):
        place_of(GOOD | change)


@pytest.mark.parametrize(
    "change",
    [
        {"size": archives.MAX_MEMBER + 1},
        {"packed": archives.MAX_MEMBER + 1},
        {"range": [5, 6 + archives.MAX_RANGE]},
        {"unpacked": archives.MAX_UNPACKED + 1},
    ],
    ids=str,
)
def test_sizes_are_bounded(change: Record) -> None:
    """A worker's memory and disk hold what is at a bound, and nothing above it is fetched."""
    with pytest.raises(MemberError, match="expected at most 4,194,304 bytes"):
        place_of(GOOD | change)
    for name, value in change.items():
        place_of(GOOD | {name: [5, value[1] - 1] if name == "range" else value - 1})


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.none() | st.integers() | st.text(max_size=3)))
def test_any_record_is_a_place_or_an_error(change: Record) -> None:
    """No other exception leaves it."""
    with contextlib.suppress(MemberError):
        place_of(GOOD | change)


def test_a_bomb_is_unpacked_to_its_size_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A member that unpacks to more than its record says is damaged, and nobody asks zlib for the rest."""
    asked, make = list[int](), zlib.decompressobj

    class Watched:
        def __init__(self, bits: int) -> None:
            self._inner = make(bits)

        def decompress(self, data: bytes, most: int) -> bytes:
            asked.append(most)
            return self._inner.decompress(data, most)

    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(bytes(10**7)) + packer.flush()
    data = b"PK\x03\x04" + bytes(26) + packed
    place = place_of(GOOD | {"at": 0, "size": 100, "packed": len(packed), "range": [0, len(data)]})
    monkeypatch.setattr("archives.zlib.decompressobj", Watched)
    with pytest.raises(MemberError, match="damaged"):
        archives.content(place, data, 0)
    assert asked == [101]


def test_bounds_are_those_of_start_transform() -> None:
    """What it lets pass, the container takes; they are written twice, as they share no code."""
    assert archives.MAX_MEMBER == member.MAX_SIZE == inference.MAX_OBJECT_BYTES
    assert archives.MAX_UNPACKED == MAX_UNPACKED
    assert max(references.MAX_RANGE, member.MAX_SIZE + 30 + 2 * 0xFFFF) <= archives.MAX_RANGE
    assert {archives.STORED, archives.DEFLATED} == {member.STORED, member.DEFLATED}
