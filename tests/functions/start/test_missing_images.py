"""Whether a manifest's images have arrived."""

import json
import tracemalloc
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_prediction.aws.clients import Clients
from batch_prediction.start.missing_images import _first_gap, first_missing
from tests.functions.malformed_manifests import ODD_NAMES
from tests.functions.start.uploads import KEY, image, upload
from tests.settings_and_events import BUCKET

FOLDER = "incoming/b7/"


class Listing:
    """S3's ListObjectsV2 over sorted keys, three a page; those of the numbers `empty` hold none."""

    def __init__(self, keys: set[str], empty: frozenset[int] = frozenset()) -> None:
        self.keys, self.empty, self.requests = sorted(keys, key=str.encode), empty, list[dict[str, str]]()

    def list_objects_v2(self, Bucket: str, Prefix: str, **place: str) -> dict[str, Any]:  # noqa: N803
        """A page; ContinuationToken goes on where the page that gave it ended."""
        assert Prefix == FOLDER, "lists other people's batches"
        self.requests.append(place)
        assert len(self.requests) <= 200, "asks the same again and again"
        after = (place.get("ContinuationToken") or place["StartAfter"]).encode()
        found = [key for key in self.keys if key.startswith(Prefix) and key.encode() > after]
        page = [] if len(self.requests) in self.empty else found[:3]
        answer: dict[str, Any] = {"Contents": [{"Key": key} for key in page]} if page else {}
        if len(found) == len(page):
            return answer | {"IsTruncated": False}
        token = page[-1] if page else after.decode()
        return answer | {"IsTruncated": True, "NextContinuationToken": token}


def gap(listing: Any, wanted: list[str]) -> str | None:
    """The first of the sorted keys that isn't listed."""
    return _first_gap(listing, BUCKET, FOLDER, [key.encode() for key in wanted])


@given(
    wanted=st.lists(ODD_NAMES, max_size=12),
    others=st.lists(ODD_NAMES, max_size=30),
    gone=st.sets(st.integers(0, 11)),
    empty=st.frozensets(st.integers(1, 12)),
)
def test_the_first_gap_is_found_whatever_surrounds_it(
    wanted: list[str], others: list[str], gone: set[int], empty: frozenset[int]
) -> None:
    """The answer is the smallest wanted key that isn't there, for any names, doubles and other objects."""
    keys = sorted(FOLDER + name for name in wanted)
    absent = {keys[number] for number in gone if number < len(keys)}
    there = (set(keys) | {FOLDER + name for name in others}) - absent
    listing: Any = Listing(there, empty)
    assert gap(listing, keys) == min(absent, default=None)
    begins = [place["StartAfter"] for place in listing.requests if "StartAfter" in place]
    assert all(earlier < later for earlier, later in pairwise(begins))
    assert len(listing.requests) - len(begins) <= len(empty)


def test_an_empty_page_is_not_the_end_of_the_listing() -> None:
    """Where S3 answers with no keys and goes on, nothing is concluded, and the page's token is used."""
    wanted = [f"{FOLDER}{number}.png" for number in (1, 5)]
    listing: Any = Listing({f"{FOLDER}{number}.png" for number in range(9)}, frozenset({1, 2, 4}))
    assert gap(listing, wanted) is None
    assert [set(place) for place in listing.requests] == [
        {"StartAfter"},
        {"ContinuationToken"},
        {"ContinuationToken"},
        {"StartAfter"},
        {"ContinuationToken"},
    ]


def test_what_the_manifest_does_not_name_is_skipped() -> None:
    """Two images among ten thousand other objects cost a request each, not a listing of everything."""
    others = {f"{FOLDER}{number:05d}.png" for number in range(10_000)}
    wanted = [f"{FOLDER}00017.png", f"{FOLDER}09000.png"]
    listing: Any = Listing(others)
    assert gap(listing, wanted) is None
    assert len(listing.requests) == 2


def test_a_page_is_looked_at_to_its_end() -> None:
    """A batch of thirty images without other objects costs as many requests as it has pages."""
    wanted = [f"{FOLDER}{number:05d}.png" for number in range(30)]
    listing: Any = Listing(set(wanted))
    assert gap(listing, wanted) is None
    assert len(listing.requests) == 10


@pytest.mark.parametrize(
    "names", [["B.png", "a.png"], ["\uff5e.png", "\U0001f600.png"], ["a.png", "a/b.png", "a0.png"]]
)
@pytest.mark.parametrize("backwards", [False, True])
def test_the_first_missing_image_is_the_first_in_s3_s_order(
    aws: Clients, names: list[str], backwards: bool
) -> None:
    """Whatever the manifest's order: that of the keys' UTF-8 bytes, capitals before small letters."""
    lines = [json.dumps({"file_name": name}) for name in names]
    version = upload(aws, lines[::-1] if backwards else lines).version
    for name in names:
        assert first_missing(aws.s3, BUCKET, KEY, version, 10) == FOLDER + name
        aws.s3.put_object(Bucket=BUCKET, Key=FOLDER + name, Body=b"")
    assert first_missing(aws.s3, BUCKET, KEY, version, 10) is None


def test_a_manifest_is_complete_when_all_its_images_are_there(aws: Clients) -> None:
    """Lines that can't be used name no image; the first missing image is named."""
    version = upload(aws, [image(1), "broken", image(2)]).version
    aws.s3.put_object(Bucket=BUCKET, Key=f"{FOLDER}1.png", Body=b"")
    assert first_missing(aws.s3, BUCKET, KEY, version, 10) == f"{FOLDER}2.png"
    aws.s3.put_object(Bucket=BUCKET, Key=f"{FOLDER}2.png", Body=b"")
    assert first_missing(aws.s3, BUCKET, KEY, version, 10) is None


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("a.png", ["a.png.bak", "a.pn", "A.PNG", "a.png/1.png", "sub/a.png"]),
        ("é/७.png", ["e/७.png", "é/7.png", "é/७.pn", "É/७.png", "e\u0301/७.png"]),
        ("\U0001f600.png", ["\uff5e.png", "\U0001f600", "\U0001f601.png"]),
        ("A.png", ["a.png", "A.pnG", "A.png "]),
    ],
)
def test_only_the_same_key_is_the_image(aws: Clients, name: str, others: list[str]) -> None:
    """Keys around it, that begin like it, look like it or lie in other batches, don't stand for it."""
    version = upload(aws, [json.dumps({"file_name": name})]).version
    elsewhere = [f"incoming/{name}", f"incoming/b/{name}", f"incoming/b77/{name}", f"incoming/b7{name}"]
    for key in [*(FOLDER + other for other in others), *elsewhere]:
        aws.s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    assert first_missing(aws.s3, BUCKET, KEY, version, 10) == FOLDER + name
    aws.s3.put_object(Bucket=BUCKET, Key=FOLDER + name, Body=b"")
    assert first_missing(aws.s3, BUCKET, KEY, version, 10) is None


def test_a_manifest_of_as_many_lines_as_are_allowed_is_waited_for(aws: Clients) -> None:
    """Of one line more nothing is waited for, lines that are left out being counted as well."""
    version = upload(aws, [image(2), "broken", image(1), image(2)]).version
    assert first_missing(aws.s3, BUCKET, KEY, version, 4) == f"{FOLDER}1.png"
    assert first_missing(aws.s3, BUCKET, KEY, version, 3) is None


def test_the_images_of_the_uploaded_version_are_looked_for(aws: Clients) -> None:
    """A manifest that has replaced it is another run's."""
    old = upload(aws, [image(1)]).version
    upload(aws, [image(2)])
    assert first_missing(aws.s3, BUCKET, KEY, old, 10) == f"{FOLDER}1.png"


def test_a_key_takes_as_much_memory_as_it_has_bytes() -> None:
    """One wide character in a batch's name doesn't make four bytes of each letter of its million keys."""
    name = "\U0001f600" + "a" * 900
    lines = [json.dumps({"file_name": f"{name}{number}"}).encode() + b"\n" for number in range(2_000)]
    s3: Any = SimpleNamespace(
        get_object=lambda **_: {"Body": SimpleNamespace(iter_chunks=lambda _: iter(lines))},
        list_objects_v2=lambda **_: {"IsTruncated": False},
    )
    tracemalloc.start()
    assert first_missing(s3, BUCKET, KEY, "v", 2_000) == f"{FOLDER}{name}0"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.5 * sum(map(len, lines))


def test_a_manifest_that_will_be_refused_is_not_waited_for(aws: Clients) -> None:
    """Too many lines, or a CSV without a header: nothing is listed."""
    long = upload(aws, [image(number) for number in range(5)]).version
    key = "incoming/b7/manifest.csv"
    headless = upload(aws, ["1.png,7"], key).version
    with patch.object(aws.s3, "list_objects_v2", side_effect=AssertionError("listed")):
        assert first_missing(aws.s3, BUCKET, KEY, long, 4) is None
        assert first_missing(aws.s3, BUCKET, key, headless, 10) is None


def test_an_archive_is_not_waited_for(aws: Clients) -> None:
    """Its images have arrived with it: nothing is read."""
    assert first_missing(aws.s3, BUCKET, "incoming/b7.zip", "absent", 10) is None
