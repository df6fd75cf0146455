"""What an archive has to score."""

import io
import json
import tarfile
import zipfile
from collections.abc import Iterable, Mapping

import pytest

from batch_prediction.archives.ranges import ArchiveError, ObjectVersion
from batch_prediction.aws.clients import Clients
from batch_prediction.manifests.records import ManifestError
from batch_prediction.start.archive import Reading, read_archive
from batch_prediction.start.slice_fields import SliceFields
from tests.functions.archives.packed import PNG, one_of_a_kind, zipped
from tests.settings_and_events import BUCKET

KINDS = ["zip", "tar", "tar.gz"]
KEY = "incoming/site/b7.zip"
Files = Mapping[str, bytes] | Iterable[tuple[str, bytes]]
kinds = pytest.mark.parametrize("kind", KINDS)


def reading(aws: Clients, body: bytes, max_images: int = 100, key: str = KEY) -> Reading:
    """Upload an archive and read it."""
    version = aws.s3.put_object(Bucket=BUCKET, Key=key, Body=body)["VersionId"]
    return read_archive(ObjectVersion(aws.s3, BUCKET, key, version), max_images, SliceFields().take)


def labels(found: Reading) -> dict[str, int | None]:
    """The images' names and labels, in their order."""
    return {image.name: image.label for image in found.images}


def reasons(found: Reading) -> dict[str, str]:
    """What was left out, by its name or its line's beginning."""
    return {item.text: item.reason for item in found.left_out}


def manifest(*lines: tuple[str, int]) -> bytes:
    """A manifest in JSON Lines."""
    return "\n".join(json.dumps({"file_name": name, "label": label}) for name, label in lines).encode()


@kinds
def test_a_manifest_at_the_root_gives_the_labels(aws: Clients, kind: str) -> None:
    """Its images come in the order of their bytes, so that neighbours are read together."""
    files = {"b.png": PNG, "manifest.jsonl": manifest(("a/1.png", 1), ("b.png", 2)), "a/1.png": PNG}
    found = reading(aws, one_of_a_kind(kind, files))
    assert labels(found) == {"b.png": 2, "a/1.png": 1}
    assert (found.kind, found.how) == (
        kind,
        (
            f"read as a {kind} archive; manifest.jsonl in it read as JSON Lines; images from `file_name`, "
            "labels from `label`"
        ),
    )
    assert not found.left_out


@kinds
def test_a_manifest_in_the_only_folder_names_images_from_there_on(aws: Clients, kind: str) -> None:
    """A folder that was packed as a whole is one at the root; class folders in it don't matter then."""
    files = {"b7/manifest.csv": b"file_name,label\n3/1.png,9\n", "b7/3/1.png": PNG}
    assert labels(reading(aws, one_of_a_kind(kind, files))) == {"b7/3/1.png": 9}


def test_a_manifest_elsewhere_is_a_file_like_others(aws: Clients) -> None:
    """In one folder of several, or deeper, it isn't the batch's."""
    files = {"a/manifest.jsonl": manifest(("1.png", 1)), "b/1.png": PNG}
    found = reading(aws, zipped(files))
    assert labels(found) == {"b/1.png": None}
    assert found.how.endswith("without labels; other files passed over: 1, such as a/manifest.jsonl")
    deep = reading(aws, zipped({"a/b/manifest.jsonl": b"", "a/b/1.png": PNG}))
    assert labels(deep) == {"a/b/1.png": None}


def test_two_manifests_are_refused_by_their_names(aws: Clients) -> None:
    """Which of them counts isn't guessed."""
    files = {"manifest.jsonl": b"", "manifest.csv": b"", "1.png": PNG}
    with pytest.raises(
        ArchiveError, match=r"one manifest in the archive, found manifest\.csv and manifest\.jsonl"
    ):
        reading(aws, zipped(files))


def test_a_manifest_s_lines_are_what_there_is_to_score(aws: Clients) -> None:
    """A line without its image is an image that is missing, a bad line is left out, other images are said."""
    lines = manifest(("absent.png", 1), ("1.png", 1), ("2.png", 12), ("../1.png", 3), ("big.png", 5))
    files = {"manifest.jsonl": lines, "1.png": PNG, "2.png": PNG, "3.png": PNG, "big.png": bytes(4_200_000)}
    found = reading(aws, zipped(files, zipfile.ZIP_STORED))
    assert [(image.name, image.member is None) for image in found.images] == [
        ("absent.png", True),
        ("1.png", False),
        ("2.png", False),
    ]
    assert [item.line for item in found.left_out] == [4, None]
    assert (
        reasons(found)["big.png"] == "expected at most 4,194,304 bytes, packed and unpacked, found 4,200,000"
    )
    assert found.how.endswith("; other files passed over: 1, such as 3.png")


def test_a_manifest_may_name_images_by_other_endings(aws: Clients) -> None:
    """It says that they are images."""
    found = reading(aws, zipped({"manifest.jsonl": manifest(("one.image", 1)), "one.image": PNG}))
    assert [(image.name, image.member is None) for image in found.images] == [("one.image", False)]


def test_a_manifest_s_other_fields_divide_the_batch(aws: Clients) -> None:
    """As those of a manifest in S3."""
    line = json.dumps({"file_name": "1.png", "writer": "ada"}).encode()
    (image,) = reading(aws, zipped({"manifest.jsonl": line, "1.png": PNG})).images
    assert image.fields == {"writer": "ada"}


def test_an_unusable_manifest_is_an_error(aws: Clients) -> None:
    """Its header can't be read, or its bytes are damaged."""
    with pytest.raises(ManifestError, match="expected a header"):
        reading(aws, zipped({"manifest.csv": b"what\n", "1.png": PNG}))
    body = zipped({"manifest.jsonl": b"x" * 20, "1.png": PNG}, zipfile.ZIP_STORED)
    with pytest.raises(ArchiveError, match=r"manifest\.jsonl: expected 20 bytes, found damaged ones"):
        reading(aws, body.replace(b"x" * 20, b"y" * 20))


def test_a_manifest_larger_than_an_image_may_be_is_read(aws: Clients) -> None:
    """A batch's million lines are some hundred megabytes, and well compressed."""
    lines = b"\n" * 5_000_000 + manifest(("1.png", 1))
    assert labels(reading(aws, zipped({"manifest.jsonl": lines, "1.png": PNG}))) == {"1.png": 1}


@kinds
def test_class_folders_give_the_labels(aws: Clients, kind: str) -> None:
    """Of any depth; an image in another folder has none."""
    files = {"b/train/7/a.png": PNG, "b/0/b.JPG": PNG, "b/others/c.png": PNG, "b/10/d.jpeg": PNG}
    found = reading(aws, one_of_a_kind(kind, files))
    assert list(labels(found).values()) == [7, 0, None, None]
    assert found.how == f"read as a {kind} archive; labels from class folders"


@kinds
def test_webdataset_s_class_files_give_the_labels(aws: Clients, kind: str) -> None:
    """Also in folders that are called like a class; of a label that is none the reason is kept."""
    files = {"0/000.png": PNG, "0/000.cls": b"7\n", "0/001.left.png": PNG, "0/001.cls": b"3"}
    files |= {"0/002.png": PNG, "0/003.png": PNG, "0/003.cls": b"seven?", "0/004.cls": b"1"}
    found = reading(aws, one_of_a_kind(kind, files))
    assert labels(found) == {"0/000.png": 7, "0/001.left.png": 3, "0/002.png": None, "0/003.png": None}
    assert [image.bad_label.reason for image in found.images if image.bad_label] == [
        "label: expected a digit from 0 to 9, found 'seven?'"
    ]
    assert found.how == (
        f"read as a {kind} archive; labels from WebDataset's .cls; "
        "other files passed over: 1, such as 0/004.cls"
    )


@kinds
def test_webdataset_s_json_files_give_the_labels(aws: Clients, kind: str) -> None:
    """Where neither .cls nor class folders do; JSON without a label is a file like others."""
    files = {"0.png": PNG, "0.json": b'{"label": 7}', "1.png": PNG, "1.json": b'{"cls": "3"}'}
    files |= {"2.png": PNG, "2.json": b"[1]", "3.png": PNG, "3.json": b"{"}
    found = reading(aws, one_of_a_kind(kind, files))
    assert list(labels(found).values()) == [7, 3, None, None]
    assert found.how == f"read as a {kind} archive; labels from WebDataset's .json"
    without = reading(aws, one_of_a_kind(kind, {"2.png": PNG, "2.json": b"[1]"}))
    assert without.how.endswith("without labels; other files passed over: 1, such as 2.json")


@kinds
def test_images_alone_have_no_labels(aws: Clients, kind: str) -> None:
    """What programs leave behind isn't spoken of; other files are counted."""
    junk = {
        "__MACOSX/._1.png": b"",
        ".DS_Store": b"",
        "a/.DS_Store": b"",
        "a/Thumbs.db": b"",
        "a/._2.png": b"",
    }
    files = {"1.png": PNG, "a/2.gif": PNG, "a/README.txt": b"", "a/README": b"", **junk}
    found = reading(aws, one_of_a_kind(kind, files))
    assert labels(found) == {"1.png": None, "a/2.gif": None}
    assert not found.left_out
    assert (
        found.how
        == f"read as a {kind} archive; without labels; other files passed over: 2, such as a/README.txt"
    )


@kinds
def test_what_cannot_be_used_is_left_out_with_its_reason(aws: Clients, kind: str) -> None:
    """Names that lead elsewhere, too many bytes, archives, and both of two members of one name."""
    files = [
        *(
            ("../1.png", PNG),
            ("/2.png", PNG),
            ("a\\3.png", PNG),
            ("4.png", PNG),
            ("4.png", PNG),
            ("./4.png", PNG),
        ),
        *(("5.png", bytes(4_200_000)), ("inner.zip", b""), ("inner.tar.gz", b""), ("6.png", PNG)),
    ]
    with pytest.warns(UserWarning, match="Duplicate name") if kind == "zip" else _nothing():
        found = reading(aws, one_of_a_kind(kind, files))
    assert labels(found) == {"6.png": None}
    assert {item.line for item in found.left_out} == {None}
    assert list(reasons(found)) == [
        "../1.png",
        "/2.png",
        "a\\3.png",
        "5.png",
        "inner.zip",
        "inner.tar.gz",
        "4.png",
    ]
    assert "several: it isn't clear which is meant" in reasons(found)["4.png"]
    assert "unpack it first" in reasons(found)["inner.zip"]


def _nothing() -> tarfile.TarFile:
    """A context that expects nothing."""
    return tarfile.open(mode="w", fileobj=io.BytesIO())


def test_a_link_to_an_image_is_left_out(aws: Clients) -> None:
    """What it points to may be anywhere."""
    packed = io.BytesIO()
    with tarfile.open(mode="w", fileobj=packed) as archive:
        for name in ("1.png", "2.png"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(entry)
    assert list(reasons(reading(aws, packed.getvalue()))) == ["1.png", "2.png"]


def test_a_bomb_is_left_out_by_its_ratio(aws: Clients) -> None:
    """An image hardly compresses."""
    found = reading(aws, zipped({"1.png": bytes(1_000_000), "2.png": PNG}))
    assert labels(found) == {"2.png": None}
    assert "expected at most 100 times the" in reasons(found)["1.png"]


@kinds
def test_an_empty_archive_is_an_error_that_says_so(aws: Clients, kind: str) -> None:
    """Also one of folders and junk alone."""
    for files in ({}, {".DS_Store": b"", "folder/": b""}):
        with pytest.raises(ArchiveError, match="found an empty one"):
            reading(aws, one_of_a_kind(kind, files))


@kinds
def test_the_number_of_members_is_bounded(aws: Clients, kind: str) -> None:
    """The error names the bound and its parameter."""
    files = {f"{number}.png": PNG for number in range(6)}
    assert len(reading(aws, one_of_a_kind(kind, files), max_images=2).images) == 6
    with pytest.raises(
        ArchiveError, match="at most 6 members in the archive, 3 for each of the stack's parameter MaxI"
    ):
        reading(aws, one_of_a_kind(kind, files | {"7.txt": b""}), max_images=2)


def test_no_more_lines_are_kept_than_may_be(aws: Clients) -> None:
    """A manifest may name an image a billion times."""
    body = zipped({"manifest.jsonl": manifest(*[("1.png", 1)] * 500), "1.png": PNG})
    assert len(reading(aws, body, max_images=10).images) == 11


def test_a_manifest_may_name_images_as_reports_call_them(aws: Clients) -> None:
    """A corrected review.jsonl is a manifest for the same archive; another one's images aren't its own."""
    lines = [{"source-ref": f"s3://{BUCKET}/{KEY}#a/1.png", "label": 3}, {"source-ref": "s3://x/y.zip#1.png"}]
    files = {"manifest.jsonl": "\n".join(map(json.dumps, lines)).encode(), "a/1.png": PNG}
    found = reading(aws, zipped(files))
    assert labels(found) == {"a/1.png": 3}
    assert [item.line for item in found.left_out] == [2]
