"""Data sets: how they are checked, read from folders, and fetched."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import pixels
from tests.made_digits import made, made_set
from training.checks import check
from training.container.data import DataError
from training.datasets import DataSet, Digits, full_mnist, idx, sample
from training.fetch import upright
from training.folders import decode, read


def test_a_sound_data_set_has_no_warnings() -> None:
    """Nothing is said about a data set in order."""
    assert check(made_set()) == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda digits: Digits(digits.images[:0], digits.labels[:0]), "test: expected images, found none"),
        (lambda digits: replace(digits, images=digits.images[:, :27]), r"found uint8 \(10, 27, 28\)"),
        (lambda digits: replace(digits, images=digits.images.astype(float)), "expected uint8 images"),
        (
            lambda digits: replace(digits, labels=digits.labels[1:]),
            r"expected 10 labels .*found uint8 \(9,\)",
        ),
        (lambda digits: replace(digits, labels=digits.labels + 1), "labels 0–9, found 10 at position 9"),
    ],
)
def test_a_data_set_that_training_cannot_use_is_refused(change: Callable[[Digits], Digits], why: str) -> None:
    """The error names the data set, the channel, what was expected and what was found."""
    dataset = made_set()
    with pytest.raises(DataError, match=rf"made, test: .*{why}" if "test:" not in why else why):
        check(replace(dataset, test=change(dataset.test)))


def test_what_a_person_should_know_is_a_warning() -> None:
    """Test images among the training images, a digit without images, and dark ink are warnings."""
    training, test = made(20, seed=1), made(9, seed=2)
    both = Digits(
        np.concatenate([test.images, training.images[:2]]), np.concatenate([test.labels, test.labels[:2]])
    )
    assert check(DataSet("d", "", training, both)) == [
        "d, test: no image of 9",
        "d: 2 of 11 test images are also training images; the test accuracy will be too high",
    ]
    (warning,) = check(DataSet("d", "", made(20, 1), Digits(255 - made(10, 2).images, made(10, 2).labels)))
    assert "dark ink on a light background" in warning


def write_idx(folder: Path, part: str, digits: Digits, pack: bool = True) -> None:
    """Write a pair of IDX files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in (("images-idx3", digits.images), ("labels-idx1", digits.labels)):
        (folder / f"{part}-{name}-ubyte.gz").write_bytes(idx(array))


def write_images(folder: Path, digits: Digits, suffix: str = "png") -> None:
    """Write a folder of images a digit, with one of the files that desktops leave."""
    for number, (image, label) in enumerate(zip(digits.images, digits.labels, strict=True)):
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / str(label) / f"{number:03}.{suffix}")
    (folder / ".DS_Store").touch()
    (folder / "0" / ".DS_Store").touch()


def same(one: Digits, other: Digits) -> bool:
    """Whether two sets hold the same images with the same labels, in any order."""

    def pairs(digits: Digits) -> list[tuple[int, bytes]]:
        return sorted(
            (int(label), image.tobytes()) for image, label in zip(digits.images, digits.labels, strict=True)
        )

    return pairs(one) == pairs(other)


def test_the_files_of_mnist_are_a_data_set(tmp_path: Path) -> None:
    """train-* and t10k-* in one folder are the two channels."""
    dataset = made_set()
    write_idx(tmp_path, "train", dataset.training)
    write_idx(tmp_path, "t10k", dataset.test)
    found = read(tmp_path, "mine")
    assert found.name == "mine"
    assert same(found.training, dataset.training)
    assert same(found.test, dataset.test)


@pytest.mark.parametrize("form", ["idx", "png"])
def test_channels_may_have_folders_of_their_own(tmp_path: Path, form: str) -> None:
    """Below training/ and test/ lie IDX files or class folders; progress counts the images of the latter."""
    dataset, progress = made_set(), []
    for channel, digits in dataset.channels.items():
        if form == "idx":
            write_idx(tmp_path / channel, "digits", digits)
        else:
            write_images(tmp_path / channel, digits)
    found = read(tmp_path, "mine", lambda done, of: progress.append((done, of)))
    assert same(found.training, dataset.training)
    assert same(found.test, dataset.test)
    assert [progress[:1], progress[-1:]] == ([[], []] if form == "idx" else [[(1, 20)], [(10, 10)]])


@pytest.mark.parametrize("form", ["idx", "png"])
def test_one_image_in_seven_of_a_single_set_is_the_test(tmp_path: Path, form: str) -> None:
    """The two parts are disjoint, hold everything, and are the same every time; the source says so."""
    digits = made(70, seed=1)
    if form == "idx":
        write_idx(tmp_path, "digits", digits)
    else:
        write_images(tmp_path, digits)
    found = read(tmp_path, "mine")
    assert (len(found.training), len(found.test)) == (60, 10)
    parts = list(found.channels.values())
    images = np.concatenate([part.images for part in parts])
    assert same(Digits(images, np.concatenate([part.labels for part in parts])), digits)
    assert "one image in 7" in found.source
    assert (read(tmp_path, "mine").test.images == found.test.images).all()


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda folder: None, "expected training/ and test/, or .* found nothing"),
        (lambda folder: write_idx(folder / "training", "x", made(10, 1)), "test: expected a folder"),
        (lambda folder: (folder / "a").mkdir(), "or folders 0 to 9 .* found a"),
        (lambda folder: (folder / "0").mkdir(), "expected PNG or JPEG images in its folders, found none"),
        (lambda folder: write_images(folder, made(6, 1)), "expected at least 7 images, found 6"),
        (lambda folder: write_idx(folder, "t10k", made(10, 1)), "expected the file train-images-idx3-ubyte"),
    ],
)
def test_a_folder_of_another_form_is_refused(tmp_path: Path, make: Callable[[Path], None], why: str) -> None:
    """The error names the folder, the forms that a data set may have, and what was found."""
    make(tmp_path)
    with pytest.raises(DataError, match=why):
        read(tmp_path, "mine")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("x.png", b"GIF89a", "x.png: not an image: expected PNG or JPEG"),
        ("x.png", None, "x.png: expected 28 × 28 pixels, found 30 × 29"),
        ("x.gif", b"", r"x.gif: expected only files ending in \.png, \.jpg, \.jpeg"),
        ("x.png", b"cut", "x.png: not an image: "),
    ],
)
def test_an_image_that_cannot_be_read_is_named(
    tmp_path: Path, name: str, content: bytes | None, why: str
) -> None:
    """No image is left out in silence: the first that can't be used is named with its reason."""
    write_images(tmp_path, made(70, seed=1))
    file = tmp_path / "3" / name
    if content is None:
        Image.new("L", (30, 29)).save(file)
    elif content == b"cut":
        file.write_bytes((tmp_path / "3" / "003.png").read_bytes()[:200])
    else:
        file.write_bytes(content)
    with pytest.raises(DataError, match=why):
        read(tmp_path, "mine")


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "1", "I;16"])
def test_images_are_trained_on_as_they_are_read_in_batches(tmp_path: Path, mode: str) -> None:
    """An image of any mode becomes the same pixels here and in the container's inference code."""
    image = Image.fromarray(made(1, seed=1).images[0])
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 256 + 7)
    elif mode in ("RGBA", "LA"):
        image = image.convert(mode)
        image.putalpha(100)
    else:
        image = image.convert(mode)
    file = tmp_path / "image.png"
    image.save(file)
    assert (decode(file) == pixels.decode(file.read_bytes(), 28)).all()


def test_all_of_mnist_is_split_by_its_seed(tmp_path: Path) -> None:
    """The test set is the published one; the batch is a thousand images that aren't trained on."""
    training, test = made(1_040, seed=1), made(20, seed=2)
    write_idx(tmp_path, "train", training)
    write_idx(tmp_path, "t10k", test)
    splits = [full_mnist(tmp_path, seed) for seed in (3, 3, 4)]
    for found in splits:
        assert same(found.test, test)
        assert (len(found.batch), len(found.training)) == (1_000, 40)
        both = Digits(
            *(
                np.concatenate([getattr(found.batch, name), getattr(found.training, name)])
                for name in ("images", "labels")
            )
        )
        assert same(both, training)
    first, second, other = (found.batch.images for found in splits)
    assert (first == second).all()
    assert (first != other).any()


def test_the_sample_of_mnist_has_disjoint_splits() -> None:
    """Of its 5,000 images 1,000 are the batch, 500 the test and all others for training."""
    found = sample(seed=1)
    assert [len(part) for part in (found.training, found.test, found.batch)] == [3_500, 500, 1_000]
    images = np.concatenate([part.images for part in (found.training, found.test, found.batch)])
    assert len({image.tobytes() for image in images}) == 5_000


def test_an_array_is_always_the_same_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time isn't in it, so that a data set that is there isn't sent again."""
    files = []
    for now in (1.0, 1e9):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        files.append(idx(made(3, seed=1).images))
    assert files[0] == files[1]


def test_upright_turns_columns_into_rows() -> None:
    """EMNIST's column-wise images become upright: what was the first column is the first row."""
    images: NDArray[np.uint8] = made(2, seed=1).images
    assert (upright(images)[:, 0, :] == images[:, :, 0]).all()
    assert (upright(upright(images)) == images).all()
    assert not (upright(images) == images).all()
