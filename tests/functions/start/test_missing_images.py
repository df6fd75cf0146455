"""Whether a manifest's images have arrived."""

from itertools import pairwise
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from batch_prediction.aws.clients import Clients
from batch_prediction.start.missing_images import _first_gap, first_missing
from tests.functions.manifests import ODD_NAMES
from tests.functions.start.uploads import KEY, image, upload
from tests.settings_and_events import BUCKET

FOLDER = "incoming/b7/"


class Listing:
    """S3's ListObjectsV2 over sorted keys, three a page."""

    def __init__(self, keys: set[str]) -> None:
        self.keys, self.requests = sorted(keys, key=str.encode), list[str]()

    def list_objects_v2(self, Bucket: str, Prefix: str, StartAfter: str) -> dict[str, Any]:  # noqa: N803
        """A page."""
        self.requests.append(StartAfter)
        found = [k for k in self.keys if k.startswith(Prefix) and k.encode() > StartAfter.encode()]
        return {"Contents": [{"Key": key} for key in found[:3]], "IsTruncated": len(found) > 3}


@given(
    wanted=st.lists(ODD_NAMES, max_size=12),
    others=st.lists(ODD_NAMES, max_size=30),
    gone=st.sets(st.integers(0, 11)),
)
def test_the_first_gap_is_found_whatever_surrounds_it(
    wanted: list[str], others: list[str], gone: set[int]
) -> None:
    """The answer is the smallest wanted key that isn't there, for any names, doubles and other objects."""
    keys = sorted(FOLDER + name for name in wanted)
    absent = {keys[number] for number in gone if number < len(keys)}
    there = (set(keys) | {FOLDER + name for name in others}) - absent
    listing: Any = Listing(there)
    assert _first_gap(listing, BUCKET, FOLDER, keys) == min(absent, default=None)
    assert all(earlier < later for earlier, later in pairwise(listing.requests))


def test_what_the_manifest_does_not_name_is_skipped() -> None:
    """Two images among ten thousand other objects cost a request each, not a listing of everything."""
    others = {f"{FOLDER}{number:05d}.png" for number in range(10_000)}
    wanted = [f"{FOLDER}00017.png", f"{FOLDER}09000.png"]
    listing: Any = Listing(others)
    assert _first_gap(listing, BUCKET, FOLDER, wanted) is None
    assert len(listing.requests) == 2


def test_a_manifest_is_complete_when_all_its_images_are_there(aws: Clients) -> None:
    """Lines that can't be used name no image; the first missing image is named."""
    version = upload(aws, [image(1), "broken", image(2)]).version
    aws.s3.put_object(Bucket=BUCKET, Key=f"{FOLDER}1.png", Body=b"")
    assert first_missing(aws.s3, BUCKET, KEY, version, 10) == f"{FOLDER}2.png"
    aws.s3.put_object(Bucket=BUCKET, Key=f"{FOLDER}2.png", Body=b"")
    assert first_missing(aws.s3, BUCKET, KEY, version, 10) is None


def test_a_manifest_that_will_be_refused_is_not_waited_for(aws: Clients) -> None:
    """Too many lines, or a CSV without a header: nothing is listed."""
    long = upload(aws, [image(number) for number in range(5)]).version
    key = "incoming/b7/manifest.csv"
    headless = upload(aws, ["1.png,7"], key).version
    with patch.object(aws.s3, "list_objects_v2") as listed:
        assert first_missing(aws.s3, BUCKET, KEY, long, 4) is None
        assert first_missing(aws.s3, BUCKET, key, headless, 10) is None
    listed.assert_not_called()
