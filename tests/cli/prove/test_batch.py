"""The batch of a proof, read by the product's own manifest reader and image decoder."""

import json

import numpy as np
import pytest

from batch_prediction.manifests.folder import BatchFolder
from batch_prediction.manifests.reading import read
from batch_prediction.manifests.records import LeftOut, Record
from cli.prove.batch import GOOD, REFUSED, Entry, forty, good, manifest
from inference import MAX_OBJECT_BYTES, OBJECT_ERRORS
from pixels import ImageError, decode

ENTRIES = forty()
WRONG = [entry for entry in ENTRIES if entry.error]


def test_the_batch_is_32_digits_and_eight_that_are_wrong() -> None:
    """Names differ, every good digit can be decoded, and each label is there three times at least."""
    assert (len(ENTRIES), len(WRONG), len({entry.name for entry in ENTRIES})) == (40, 8, 40)
    digits = [entry for entry in ENTRIES if not entry.error]
    assert digits == good()
    images = [decode(entry.body or b"", 28) for entry in digits]
    assert len({image.tobytes() for image in images}) == GOOD
    assert all(image.max() > 200 for image in images)
    assert np.bincount([entry.label for entry in digits]).tolist() == [4, 4, 3, 3, 3, 3, 3, 3, 3, 3]


def test_no_shift_and_no_reversal_puts_the_errors_where_they_were() -> None:
    """Answers in another order can't be taken for the right ones."""
    faulty = [bool(entry.error) for entry in ENTRIES if entry.body is not None]
    assert faulty[::-1] != faulty
    assert all(faulty[shift:] + faulty[:shift] != faulty for shift in range(1, len(faulty)))


@pytest.mark.parametrize(
    "entry", [entry for entry in WRONG if entry.body is not None], ids=lambda entry: entry.name
)
def test_the_container_answers_what_is_expected(entry: Entry) -> None:
    """A wrong image's error begins as the batch says: by its bytes, its size, or where it lies."""
    body = entry.body or b""
    if entry.storage == "GLACIER":
        assert OBJECT_ERRORS["InvalidObjectState"].startswith(entry.error)
    elif len(body) > MAX_OBJECT_BYTES:
        assert f"not an image: expected at most {MAX_OBJECT_BYTES:,} bytes".startswith(entry.error)
    else:
        with pytest.raises(ImageError) as refused:
            decode(body, 28)
        assert str(refused.value).startswith(entry.error)


def test_one_kind_of_wrong_is_too_large_and_one_archived() -> None:
    """The two that aren't wrong by their pixels are there, and are read as digits otherwise."""
    others = [entry for entry in WRONG if entry.storage != "STANDARD" or len(entry.body or b"") > 10**6]
    assert [entry.name for entry in others] == ["too-large.png", "archived.png"]
    assert len(others[0].body or b"") == MAX_OBJECT_BYTES + 1
    assert all(decode(entry.body or b"", 28).any() for entry in others)


def test_the_manifest_is_read_as_39_records_and_a_line_left_out() -> None:
    """start_transform sends every image but the one whose name leads out of the batch."""
    items = list(read([manifest(ENTRIES)], BatchFolder("bucket", "incoming/prove-1/")))
    records = [item for item in items if isinstance(item, Record)]
    sent = [entry for entry in ENTRIES if entry.body is not None]
    assert [record.image.rpartition("/")[2] for record in records] == [entry.name for entry in sent]
    assert [record.label for record in records] == [entry.label for entry in sent]
    (left_out,) = (item for item in items if isinstance(item, LeftOut))
    assert json.loads(left_out.text)["file_name"] == "../outside.png"
    (outside,) = (entry for entry in WRONG if entry.body is None)
    assert left_out.reason.startswith(outside.error)


def test_the_other_manifest_can_not_be_read() -> None:
    """Its header names no column of images."""
    with pytest.raises(ValueError, match="expected a header with the column file_name"):
        list(read([REFUSED], BatchFolder("bucket", "incoming/prove-1-refused/"), "manifest.csv"))
