"""A folder and the archive that is made of it: the same bytes, and the same batch."""

import io
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from batch_prediction.start.archive import ArchiveMembers
from cli.check.archive_file import ArchiveFile
from cli.check.findings import Findings, examine
from cli.check.folder import FolderMembers
from cli.drop.packing import pack
from tests.cli.folders import CLASSES, WITH_MANIFEST, folder, png

_LIMIT = 100
_BODIES = st.sampled_from(
    [
        b"",
        b"7",
        b"seven",
        b"\xff\xfe",
        png(1),
        png(2),
        png(3, side=5),
        png(1)[:50],
        b"file_name,label\na.png,7\n../x,1\nb.png,x\n",
        b'{"file_name": "7/a.png", "label": 99}\nnone',
    ]
)
_NAMES = st.one_of(
    st.sampled_from(
        ["a.png", "b.png", "7/a.png", "3/b.jpg", "a.cls", "a.json", "manifest.csv", "labels.csv"]
    ),
    st.sampled_from(["x/metadata.jsonl", "-", "~", "a\\b.png", "\x01.png", "Ω.png", "x.zip", "._a.png"]),
    st.text(
        st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=30
    ).filter(lambda name: name not in (".", "..")),
)


def packed(members: FolderMembers, found: Findings) -> bytes:
    """The archive of a checked folder."""
    file = io.BytesIO()
    pack(members, found, file, lambda _done, _of: None)
    return file.getvalue()


def of_archive(where: Path, body: bytes) -> Findings:
    """What a check of an archive finds."""
    path = where / "packed.zip"
    path.write_bytes(body)
    return examine(str(path), ArchiveMembers(ArchiveFile(path)), _LIMIT)


def test_the_same_files_make_the_same_bytes(tmp_path: Path) -> None:
    """Whenever they were written, and in whatever order: so an interrupted upload can go on."""
    archives = set()
    for name, files in (("a", CLASSES), ("b", dict(reversed(CLASSES.items())))):
        members = FolderMembers(folder(tmp_path / name, files))
        archives.add(packed(members, examine(name, members, _LIMIT)))
    assert len(archives) == 1


def test_the_requests_of_the_archive_are_those_that_were_expected(tmp_path: Path) -> None:
    """The positions of a folder's files are those that they get in the zip, near enough to count ranges."""
    files = {f"{number:03}.png": png(number).ljust(200_000, b"\0") for number in range(20)}
    members = FolderMembers(folder(tmp_path / "b", files))
    found = examine("b", members, _LIMIT)
    assert found.requests == of_archive(tmp_path, packed(members, found)).requests == 4


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(_NAMES, _BODIES, max_size=8))
def test_what_is_said_of_a_folder_holds_for_its_archive(files: dict[str, bytes]) -> None:
    """Whatever lies in a folder: nothing raises, and the archive has the same images, labels and sizes."""
    with tempfile.TemporaryDirectory() as where:
        below = Path(where) / "b"
        below.mkdir()
        for name, body in files.items():
            path = below / name
            try:
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(body)
            except OSError:  # a name that is too long, or a folder's and a file's at once
                continue
        members = FolderMembers(below)
        found = examine(str(below), members, _LIMIT)
        if not found.refused:
            archive = of_archive(Path(where), packed(members, found))
            assert archive.refused is None
            for name in ("images", "readable", "size", "labels", "sizes", "duplicates", "fields"):
                assert getattr(archive, name) == getattr(found, name), name


def test_lines_that_are_left_out_travel_with_the_manifest(tmp_path: Path) -> None:
    """The archive's manifest is the folder's, byte by byte, so its problems are the same, line by line."""
    members = FolderMembers(folder(tmp_path / "b", WITH_MANIFEST))
    found = examine("b", members, _LIMIT)
    assert of_archive(tmp_path, packed(members, found)).problems == found.problems
