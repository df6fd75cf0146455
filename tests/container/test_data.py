"""IDX files in, checked arrays out; the split."""

import gzip
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import data

IMAGES, LABELS = "some-images-idx3-ubyte", "some-labels-idx1-ubyte"


def header(*numbers: int) -> bytes:
    """The numbers as an IDX header."""
    return struct.pack(f">{len(numbers)}I", *numbers)


ONE_IMAGE = header(0x803, 1, 28, 28) + bytes(784)
ONE_LABEL = header(0x801, 1) + bytes(1)


@pytest.mark.parametrize("packed", [False, True])
def test_a_data_set_is_read_as_it_was_written(
    tmp_path: Path, write_data_set: Callable[..., Path], packed: bool
) -> None:
    """Plain and gzipped IDX files give the arrays that were written, as uint8 and writable."""
    images = np.random.RandomState(0).randint(0, 256, (7, 28, 28)).astype(np.uint8)
    labels = np.arange(7, dtype=np.uint8)
    read_images, read_labels = data.load(write_data_set(tmp_path, images, labels, packed=packed))
    np.testing.assert_array_equal(read_images, images)
    np.testing.assert_array_equal(read_labels, labels)
    assert read_images.dtype == read_labels.dtype == np.uint8
    assert read_images.flags.writeable


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_of_several_megabytes_is_read_to_its_end(
    tmp_path: Path, write_data_set: Callable[..., Path], packed: bool
) -> None:
    """It is read in pieces: each has its place."""
    images = np.random.RandomState(1).randint(0, 256, (4000, 28, 28)).astype(np.uint8)
    labels = np.arange(4000).astype(np.uint8) % 10
    read_images, read_labels = data.load(write_data_set(tmp_path, images, labels, packed=packed))
    np.testing.assert_array_equal(read_images, images)
    np.testing.assert_array_equal(read_labels, labels)


def test_a_file_named_gz_that_is_plain_is_read(tmp_path: Path) -> None:
    """Whether a file is gzipped is read from its first bytes: browsers unpack downloads and keep the name."""
    (tmp_path / f"{IMAGES}.gz").write_bytes(ONE_IMAGE)
    (tmp_path / f"{LABELS}.gz").write_bytes(ONE_LABEL)
    images, labels = data.load(tmp_path)
    assert (images.shape, labels.shape) == ((1, 28, 28), (1,))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "expected an IDX header, found a file of 0 bytes"),
        (ONE_IMAGE[:12], "expected an IDX header, found a file of 12 bytes"),
        (ONE_LABEL, "expected the magic number 0x00000803, found 0x00000801"),
        (b"<html>Not found</html>", "expected the magic number 0x00000803, found 0x3c68746d"),
        (header(0x803, 1, 32, 32) + bytes(1024), "expected images of 28 × 28 pixels, found 32 × 32"),
        (header(0x803, 0, 28, 28), "expected 1 to 10,000,000 items, found 0 in the header"),
        (
            header(0x803, 2**32 - 1, 28, 28),
            "expected 1 to 10,000,000 items, found 4,294,967,295 in the header",
        ),
        (ONE_IMAGE[:-1], "expected 784 bytes after the header, found 783"),
        (ONE_IMAGE + b"\0", "expected 784 bytes after the header, found more"),
        # mtime=0: the content is part of the test's name, on which the processes of a run have to agree
        (gzip.compress(ONE_IMAGE, mtime=0)[:-9], "expected a readable IDX file, found"),
        (gzip.compress(ONE_IMAGE + b"\0", mtime=0), "expected 784 bytes after the header, found more"),
        (b"\x1f\x8b" + bytes(100), "expected a readable IDX file, found"),
    ],
)
def test_a_broken_image_file_is_named_with_what_is_wrong(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    """Every kind of broken file is a DataError that names the file, what was expected and what was found."""
    (tmp_path / IMAGES).write_bytes(content)
    (tmp_path / LABELS).write_bytes(ONE_LABEL)
    with pytest.raises(data.DataError) as caught:
        data.load(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / IMAGES}: {sentence}")


@given(
    content=st.binary(max_size=900) | st.binary(min_size=784, max_size=784),
    start=st.sampled_from([b"", ONE_IMAGE[:4], ONE_IMAGE[:16]]),
)
def test_any_bytes_are_an_image_file_or_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, start: bytes
) -> None:
    """Whatever bytes a file holds, reading it gives one image of 784 bytes or a DataError, nothing else."""
    file = tmp_path_factory.getbasetemp() / "any-images-idx3-ubyte"
    file.write_bytes(start + content)
    whole = start + content
    if whole.startswith(ONE_IMAGE[:16]) and len(whole) == len(ONE_IMAGE):
        assert data.read_images(file).tobytes() == whole[16:]
    else:
        with pytest.raises(data.DataError, match=re.escape(str(file))):
            data.read_images(file)


@pytest.mark.parametrize("labels", [(9, 0, 10), (9, 0, 10, 255)])
def test_a_label_above_nine_is_named_with_its_position(tmp_path: Path, labels: tuple[int, ...]) -> None:
    """The first label outside 0–9 is in the sentence, with its position."""
    file = tmp_path / LABELS
    file.write_bytes(header(0x801, len(labels)) + bytes(labels))
    with pytest.raises(data.DataError, match="expected labels 0–9, found 10 at position 2"):
        data.read_labels(file)


def test_images_and_labels_of_different_number_are_refused(tmp_path: Path) -> None:
    """A label file of another length than the image file is a DataError with both numbers."""
    (tmp_path / IMAGES).write_bytes(ONE_IMAGE)
    (tmp_path / LABELS).write_bytes(header(0x801, 2) + bytes(2))
    with pytest.raises(data.DataError, match=f"expected 1 labels, one per image of {IMAGES}, found 2"):
        data.load(tmp_path)


def test_a_missing_folder_file_or_second_file_is_named(tmp_path: Path) -> None:
    """A folder must exist and hold exactly one file of each kind; the error lists what it contains."""
    with pytest.raises(data.DataError, match=r"absent: expected a folder .* found none"):
        data.load(tmp_path / "absent")
    with pytest.raises(data.DataError, match=r"expected one file \*-images-idx3-ubyte or .*, found none"):
        data.load(tmp_path)
    for name in ("t10k-images-idx3-ubyte", "train-images-idx3-ubyte.gz"):
        (tmp_path / name).write_bytes(ONE_IMAGE)
    with pytest.raises(data.DataError, match=r"found t10k-images-idx3-ubyte, train-images-idx3-ubyte\.gz"):
        data.load(tmp_path)


@given(count=st.integers(1, 5000), share=st.floats(0, 0.999))
def test_the_split_parts_every_position_once(count: int, share: float) -> None:
    """Training and validation positions ascend, are disjoint, cover everything and have the asked sizes."""
    training, validation = data.split(count, int(count * share))
    assert (np.diff(training) > 0).all()
    assert (np.diff(validation) > 0).all()
    assert len(validation) == int(count * share)
    np.testing.assert_array_equal(np.sort(np.concatenate([training, validation])), np.arange(count))


@pytest.mark.parametrize(
    ("count", "held_out"), [(5, 0), (3500, 583), (59_999, 9_999), (60_000, 10_000), (70_000, 10_000)]
)
def test_a_sixth_is_held_out_by_default_but_at_most_ten_thousand(count: int, held_out: int) -> None:
    """The default validation set is a sixth of the images, and 10,000 from 60,000 images on."""
    assert len(data.split(count)[1]) == held_out


def test_the_split_is_the_same_in_every_training() -> None:
    """The split is frozen: these positions were held out in every earlier training of 100 images."""
    np.testing.assert_array_equal(data.split(100, 5)[1], [0, 13, 14, 67, 86])


@pytest.mark.parametrize("validation_images", [-1, 10, 11])
def test_a_split_that_leaves_nothing_to_train_on_is_refused(validation_images: int) -> None:
    """Held-out images must be fewer than there are; the sentence says how many there are."""
    with pytest.raises(data.DataError, match=rf"expected 0 to 9, .* 10 images, found {validation_images}"):
        data.split(10, validation_images)
