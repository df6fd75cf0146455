"""A download that breaks off, is lied to, or gets something else."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.file_server import FileServer, serving
from training.container.data import DataError
from training.download import TRIES, download

CONTENT = bytes(range(256)) * 4
MD5 = hashlib.md5(CONTENT).hexdigest()  # noqa: S324 (that of published files)
PATHS = ("/first/file", "/second/file")


@pytest.fixture
def server() -> Iterator[FileServer]:
    """A server of two mirrors of one file."""
    with serving() as server:
        server.files = dict.fromkeys(PATHS, CONTENT)
        yield server


def get(server: FileServer, folder: Path) -> bytes:
    """Download the file; nothing but the whole file is left."""
    file = download([server.address + path for path in PATHS], MD5, folder / "new" / "file", lambda *_: None)
    assert [each.name for each in file.parent.iterdir()] == ["file"]
    return file.read_bytes()


def test_a_download_goes_on_where_it_broke_off(server: FileServer, tmp_path: Path) -> None:
    """Only the rest is asked for, of the same mirror, however often it breaks off."""
    server.faults[PATHS[0]] = ["break", "break"]
    assert get(server, tmp_path) == CONTENT
    assert server.asked == [(PATHS[0], None), (PATHS[0], "bytes=512-"), (PATHS[0], "bytes=768-")]


def test_the_next_call_and_the_next_mirror_go_on_as_well(server: FileServer, tmp_path: Path) -> None:
    """After the last try of all mirrors the part is kept, and the error names each answer."""
    server.faults = {PATHS[0]: ["break"] * TRIES, PATHS[1]: ["drop", "503", "break"]}
    with pytest.raises(DataError, match=r"file: expected a file with the MD5 digest .* tried http") as raised:
        get(server, tmp_path)
    message = str(raised.value)
    assert message.count("/first/file: broke off after ") == TRIES
    assert "/second/file: HTTP Error 503" in message
    assert "/second/file: broke off after 960 of 1,024 bytes" in message
    assert f"put the file into {tmp_path / 'new'}" in message
    assert get(server, tmp_path) == CONTENT
    assert server.asked[-1] == (PATHS[0], "bytes=960-")


def test_a_server_that_ignores_the_range_starts_again(server: FileServer, tmp_path: Path) -> None:
    """Its answer is the whole file: nothing is appended to what was there."""
    server.faults[PATHS[0]] = ["break", "whole"]
    assert get(server, tmp_path) == CONTENT
    assert len(server.asked) == 2


def test_a_server_that_answers_another_range_is_asked_for_everything(
    server: FileServer, tmp_path: Path
) -> None:
    """What was there is discarded with it."""
    server.faults[PATHS[0]] = ["break", "lie"]
    assert get(server, tmp_path) == CONTENT
    assert server.asked[-1] == (PATHS[0], None)


@pytest.mark.parametrize("wrong", [b"another file" * 99, CONTENT[:-1]])
def test_wrong_bytes_are_never_used(server: FileServer, tmp_path: Path, wrong: bytes) -> None:
    """A mirror that has another file is left for the next at once."""
    server.files[PATHS[0]] = wrong
    assert get(server, tmp_path) == CONTENT
    assert server.asked == [(PATHS[0], None), (PATHS[1], None)]


@pytest.mark.parametrize("kept", [b"x" * 10, b"x" * 2000, CONTENT[:-1] + b"x"])
def test_what_an_earlier_download_left_is_not_trusted(
    server: FileServer, tmp_path: Path, kept: bytes
) -> None:
    """A part of something else, or longer than the file, is discarded, and the same mirror asked again."""
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "file.part").write_bytes(kept)
    assert get(server, tmp_path) == CONTENT
    assert server.asked == [(PATHS[0], f"bytes={len(kept)}-"), (PATHS[0], None)]


def test_a_part_that_is_whole_needs_no_request(server: FileServer, tmp_path: Path) -> None:
    """The program may have ended between the last byte and the renaming."""
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "file.part").write_bytes(CONTENT)
    assert get(server, tmp_path) == CONTENT
    assert server.asked == []


def test_a_mirror_without_the_file_is_asked_once(server: FileServer, tmp_path: Path) -> None:
    """The others are; without any there is an error that names them all, and no file."""
    del server.files[PATHS[0]]
    assert get(server, tmp_path) == CONTENT
    assert server.asked == [(PATHS[0], None), (PATHS[1], None)]
    del server.files[PATHS[1]]
    with pytest.raises(DataError, match=r"/first/file: HTTP Error 404.*; .*/second/file: HTTP Error 404"):
        download([server.address + path for path in PATHS], MD5, tmp_path / "other", lambda *_: None)
    assert not (tmp_path / "other").exists()


def test_a_mirror_that_cannot_be_reached_is_left_for_the_next(server: FileServer, tmp_path: Path) -> None:
    """Its error is no error of the download."""
    nowhere = "http://127.0.0.1:9/file"
    file = download([nowhere, server.address + PATHS[1]], MD5, tmp_path / "file", lambda *_: None)
    assert file.read_bytes() == CONTENT
