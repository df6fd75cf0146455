"""References to images."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_prediction.manifests.folder import BatchFolder
from tests.settings_and_events import BUCKET

FOLDER = BatchFolder(BUCKET, "incoming/b7/")
PREFIX = f"s3://{BUCKET}/incoming/b7/"


@pytest.mark.parametrize(
    "reference",
    [
        "a/1.png",
        "./a/1.png",
        "././a/1.png",
        "a\\1.png",
        ".\\a\\1.png",
        "incoming/b7/a/1.png",
        "incoming\\b7\\a\\1.png",
        f"{PREFIX}a/1.png",
    ],
)
def test_every_way_to_name_an_image_of_the_batch_is_the_same_address(reference: str) -> None:
    """From the manifest, from the bucket's root, in full, with Windows's slashes."""
    assert FOLDER.resolve(reference) == f"{PREFIX}a/1.png"


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("", "found an empty text"),
        ("/data/1.png", "found the absolute path '/data/1.png': keep the image next to the manifest"),
        ("C:\\data\\1.png", "absolute path"),
        ("c:/data/1.png", "absolute path"),
        ("\\\\server\\share\\1.png", "absolute path"),
        ("file:///data/1.png", "absolute path"),
        ("https://example.com/1.png", "an address of https"),
        ("S3://other/1.png", "an address of S3"),
        ("s3://other/a/1.png", f"copy it: aws s3 cp s3://other/a/1.png {PREFIX}$"),
        (f"s3://{BUCKET}/incoming/b77/1.png", f"expected an object below {PREFIX}"),
        ("../b8/1.png", "expected a key without"),
        ("a\\..\\..\\b8\\1.png", "expected a key without"),
        ("a//1.png", "expected a key without"),
        ("a/", "expected a key without"),
        ("incoming/b7/", "expected a key without"),
        (f"{PREFIX}a\\1.png", "expected a key without"),
        ("\x00", "expected a key without"),
        ("\ud800", "surrogates not allowed"),
    ],
)
def test_what_lies_elsewhere_is_refused_with_what_to_do(reference: str, why: str) -> None:
    """Nothing outside the batch's folder is ever read."""
    with pytest.raises(ValueError, match=why.replace("\\", "\\\\")):
        FOLDER.resolve(reference)


PIECES = [
    "..",
    ".",
    "/",
    "\\",
    "a",
    "incoming",
    "b7",
    "b8",
    "s3:",
    "//",
    "C:",
    "file:",
    BUCKET,
    "%2e",
    "\x00",
    "é",
]


@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join) | st.text(max_size=30))
def test_an_address_is_always_below_the_folder(reference: str) -> None:
    """Whatever the text: an address below the folder without `..`, or a ValueError."""
    try:
        image = FOLDER.resolve(reference)
    except ValueError:
        return
    assert image.startswith(PREFIX)
    assert not {"", ".", ".."} & set(image.removeprefix(PREFIX).split("/"))
    assert "\\" not in image
