"""The directory of a zip file."""

import io
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_prediction.archives import zip_members
from batch_prediction.archives.member import DEFLATED, STORED, Member, Unusable, unpack
from batch_prediction.archives.ranges import ArchiveError
from tests.functions.archives.packed import Held, refused, usable, zipped

FILES = {"a/7.png": b"seven" * 50, "b.png": b"", "ä/数.png": b"\0" * 3000}
names = st.text(
    st.characters(exclude_characters="/\\.\0", exclude_categories=("Cs", "Cc")), min_size=1, max_size=20
)


def listed(body: bytes) -> list[Member | Unusable]:
    """A zip's files."""
    return list(zip_members.files(Held(body), len(body)))


def contents(body: bytes) -> dict[str, bytes]:
    """Names and contents of a zip's usable files."""
    return {member.name: b"".join(unpack(Held(body), member)) for member in usable(listed(body))}


def patched(body: bytes, at: int, form: str, value: int) -> bytes:
    """A zip with a number changed in the first entry of its directory."""
    place = body.index(b"PK\x01\x02") + at
    return body[:place] + struct.pack(form, value) + body[place + struct.calcsize(form) :]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_are_those_that_zipfile_packed(method: int) -> None:
    """Names, sizes and contents, stored or deflated, and a folder is none."""
    body = zipped([*FILES.items(), ("folder/", b"")], method)
    assert contents(body) == FILES
    assert [member.size for member in usable(listed(body))] == [250, 0, 3000]


@given(files=st.dictionaries(names, st.binary(max_size=400), max_size=8), before=st.binary(max_size=40))
def test_any_zip_is_read_as_zipfile_reads_it(files: dict[str, bytes], before: bytes) -> None:
    """Also behind other bytes, as a program that unpacks itself is."""
    assert contents(before + zipped(files)) == files


def test_a_zip64_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Positions, sizes and the number of entries may be in its wider fields."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    body = zipped(FILES)
    assert b"PK\x06\x06" in body
    assert contents(body) == FILES
    assert contents(b"before" + body) == FILES
    broken = body.replace(b"PK\x06\x06", b"PK\x06\x07")
    with pytest.raises(ArchiveError, match="zip64 directory"):
        listed(broken)


def test_a_zip_written_to_a_pipe_is_read() -> None:
    """Its local headers have no sizes: they follow the contents, and the directory has them."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("7.png", b"seven" * 100)
    assert contents(pipe.getvalue()) == {"7.png": b"seven" * 100}


def test_a_name_without_the_flag_is_utf_8_or_else_of_the_old_code_page() -> None:
    """Archives of macOS have UTF-8 without saying so; those of DOS code page 437."""
    for raw, name in ((b"\xc3\xa4.png", "ä.png"), (b"\x84.png", "ä.png")):
        body = zipped({"x" * (len(raw) - 4) + ".png": b"1"}).replace(b"x" * (len(raw) - 4) + b".png", raw)
        assert list(contents(body)) == [name]


@pytest.mark.parametrize(
    ("at", "form", "value", "reason"),
    [
        (8, "<H", 1, "expected a member that isn't encrypted: pack it without a password"),
        (10, "<H", 12, "expected a member that is stored or deflated, found compression method 12"),
        (38, "<L", 0o120777 << 16, "expected a file, found a link: pack the files that links point to"),
        (38, "<L", 0o020666 << 16, "expected a file, found a device or the like"),
        (20, "<L", 5000, "expected 5,000 bytes before the zip's directory, found the directory"),
        (42, "<L", 5000, "expected 3 bytes before the zip's directory, found the directory"),
        (24, "<L", 0xFFFFFFFF, None),
    ],
)
def test_a_member_that_cannot_be_used_has_a_reason(
    at: int, form: str, value: int, reason: str | None
) -> None:
    """Encryption, compression, links, devices, and places beyond the archive; other members stay usable."""
    body = patched(zipped({"1.png": b"a", "2.png": b"two"}), at, form, value)
    found = listed(body)
    if reason is not None:
        assert refused(found) == {"1.png": reason}
    assert [member.name for member in usable(found)][-1] == "2.png"


def test_a_member_stored_in_another_size_is_refused() -> None:
    """What is stored as it is has one size."""
    body = patched(zipped({"1.png": b"abc"}, zipfile.ZIP_STORED), 24, "<L", 2)
    assert refused(listed(body)) == {"1.png": "expected 2 bytes stored as they are, found 3"}


def test_zip64_sizes_that_are_missing_are_a_reason() -> None:
    """An entry may say that its size is elsewhere, where it isn't."""
    body = patched(zipped({"1.png": b"abc"}), 24, "<L", 0xFFFFFFFF)
    extra = struct.pack("<HH", 1, 4) + b"1234"
    at = body.index(b"PK\x01\x02")
    longer = (
        body[: at + 30] + struct.pack("<H", len(extra)) + body[at + 32 : at + 51] + extra + body[at + 51 :]
    )
    end = longer.rindex(b"PK\x05\x06") + 12
    size = struct.unpack_from("<L", longer, end)[0] + len(extra)
    longer = longer[:end] + struct.pack("<L", size) + longer[end + 4 :]
    assert refused(listed(longer)) == {"1.png": "expected its zip64 sizes, found fewer bytes"}


@pytest.mark.parametrize(
    "name", ["../1.png", "/1.png", "a/../1.png", "a\\1.png", "a//1.png", "\x01.png", "n" * 1100]
)
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    """Nothing is unpacked by name; but an archive that is made to be isn't trusted with anything."""
    assert list(refused(listed(zipped({name: b"1", "2.png": b"2"})))) == [name]


def test_a_leading_dot_segment_means_nothing() -> None:
    """Programs write `./a.png` for `a.png`."""
    assert list(contents(zipped({"./a.png": b"1", "././b.png": b"2"}))) == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda body: body[:-30], "found none: it is truncated"),
        (lambda body: body[30:], "bytes before its end"),
        (lambda body: body.replace(b"PK\x01\x02", b"PK\x01\x03"), "expected another entry"),
        (lambda body: body[:-10] + b"\xff\xff\xff\x7f" + body[-6:], "bytes before its end"),
        (lambda body: body[:-14] + b"\x09\0" + body[-12:], "a part of several"),
        (lambda body: body[:-18] + b"\x01\0" + body[-16:], "a part of several"),
    ],
)
def test_a_damaged_directory_is_an_error_that_says_so(damage: object, reason: str) -> None:
    """Truncated, overwritten, of several disks."""
    body = zipped({"1.png": b"abc" * 20})
    assert callable(damage)
    with pytest.raises(ArchiveError, match=reason):
        listed(damage(body))


def test_a_directory_with_fewer_entries_than_it_says_is_damaged() -> None:
    """None is lost without a word."""
    body = bytearray(zipped({"1.png": b"1", "2.png": b"2"}))
    body[-14:-10] = b"\x03\0\x03\0"
    with pytest.raises(ArchiveError, match=r"expected 3 entries in the zip's directory, found 2"):
        listed(bytes(body))


def test_the_directory_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million entries never are in memory together, nor do their contents travel."""
    monkeypatch.setattr(zip_members, "_CHUNK", 1000)
    files = {f"{number:05}.png": b"content" * 100 for number in range(5000)}
    body = zipped(files, zipfile.ZIP_STORED)
    archive = Held(body)
    assert [member.name for member in usable(zip_members.files(archive, len(body)))] == list(files)
    begin = body.index(b"PK\x01\x02")
    read = [size for at, size in archive.ranges if begin <= at < len(body) - 70_000]
    assert max(read) == 1000


def test_methods_are_those_of_the_format() -> None:
    """Their numbers are zipfile's."""
    assert (STORED, DEFLATED) == (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
