"""The headers of a tar."""

import io
import struct
import tarfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_prediction.archives import tar_members
from batch_prediction.archives.member import Member, Unusable, unpack
from batch_prediction.archives.ranges import ArchiveError
from tests.functions.archives.packed import Held, refused, tarred, usable

LONG = "/".join(["folder" * 9] * 4) + "/7.png"
FILES = {"a/7.png": b"seven" * 50, "b.png": b"", "ä/数.png": b"\1" * 3000, LONG: b"long"}
FORMS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
names = st.text(
    st.characters(exclude_characters="/\\.\0", exclude_categories=("Cs", "Cc")), min_size=1, max_size=80
)


def listed(body: bytes) -> list[Member | Unusable]:
    """A tar's files."""
    return list(tar_members.files(Held(body)))


def contents(body: bytes) -> dict[str, bytes]:
    """Names and contents of a tar's usable files."""
    return {member.name: b"".join(unpack(Held(body), member)) for member in usable(listed(body))}


def one(kind: bytes = tarfile.REGTYPE, **fields: Any) -> bytes:
    """A tar of one entry of a kind."""
    packed = io.BytesIO()
    with tarfile.open(mode="w", fileobj=packed) as archive:
        entry = tarfile.TarInfo("7.png")
        entry.type = kind
        for name, value in fields.items():
            setattr(entry, name, value)
        archive.addfile(entry, io.BytesIO(b"x" * entry.size) if entry.size else None)
    return packed.getvalue()


def signed(header: bytes) -> bytes:
    """A header with the checksum of its bytes."""
    blank = header[:148] + b" " * 8 + header[156:512]
    return blank[:148] + b"%06o\0 " % sum(blank) + blank[156:]


@pytest.mark.parametrize("form", FORMS)
def test_members_are_those_that_tarfile_packed(form: int) -> None:
    """In each of the three forms, with long names and others' letters; a folder is none."""
    files = {name: body for name, body in FILES.items() if form != tarfile.USTAR_FORMAT or len(name) < 100}
    body = tarred([*files.items(), ("folder/", b"")], form=form)
    assert contents(body) == files


@given(files=st.dictionaries(names, st.binary(max_size=1200), max_size=6), form=st.sampled_from(FORMS[1:]))
def test_any_tar_is_read_as_tarfile_reads_it(files: dict[str, bytes], form: int) -> None:
    """Whatever the names are."""
    assert contents(tarred(files, form=form)) == files


def test_the_oldest_form_is_read() -> None:
    """A header without a magic has no prefix; a name that ends in a slash is a folder."""
    header = signed(one()[:257] + bytes(255))
    assert [member.name for member in usable(listed(header + bytes(1024)))] == ["7.png"]
    folder = signed(b"7.png/" + header[6:])
    assert listed(folder + bytes(1024)) == []


def test_sizes_beyond_the_octal_digits_are_read() -> None:
    """GNU writes them in binary; the end of such a member isn't in this archive."""
    header = bytearray(one()[:512])
    header[124:136] = b"\x80" + (2**40).to_bytes(11, "big")
    with pytest.raises(ArchiveError, match=r"expected 1,099,511,627,776 bytes from 512 on, found its end"):
        listed(signed(bytes(header)) + bytes(1024))


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (tarfile.SYMTYPE, "a link: pack the files that links point to, with --dereference"),
        (tarfile.LNKTYPE, "a hard link: pack without it, or with --hard-dereference"),
        (tarfile.CHRTYPE, "a device or the like"),
        (tarfile.FIFOTYPE, "a device or the like"),
        (tarfile.GNUTYPE_SPARSE, "a sparse file: pack without --sparse"),
    ],
)
def test_what_is_not_a_file_has_a_reason(kind: bytes, reason: str) -> None:
    """Links, devices, and files with holes."""
    assert refused(listed(one(kind))) == {"7.png": f"expected a file, found {reason}"}


def test_a_sparse_file_of_pax_has_a_reason() -> None:
    """Its content isn't where the header says."""
    body = one(pax_headers={"GNU.sparse.major": "1"})
    assert list(refused(listed(body))) == ["7.png"]


@pytest.mark.parametrize("name", ["../1.png", "/1.png", "a/../1.png", "a\\1.png", "a//1.png", "\x01.png"])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    """As in a zip."""
    assert list(refused(listed(tarred({name: b"1", "2.png": b"2"})))) == [name]


def test_a_leading_dot_segment_means_nothing() -> None:
    """`tar -C folder -cf batch.tar .` writes `./a.png`, and `./` for the folder."""
    assert list(contents(tarred([("./", b""), ("./a.png", b"1")]))) == ["a.png"]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda body: body[:512], "expected 3 bytes from 512 on, found its end"),
        (lambda body: body[:1024], "expected a tar's end mark, found its end: it is truncated"),
        (lambda body: body[:1300], "expected a tar's end mark"),
        (lambda body: body[:1024] + b"x" * 512 + body[1536:], "expected a tar's header at byte 1,024"),
        (lambda body: body + body, "expected nothing behind a tar's end mark"),
    ],
)
def test_a_damaged_tar_is_an_error_that_says_so(damage: object, reason: str) -> None:
    """Truncated anywhere, overwritten, or several in one."""
    assert callable(damage)
    with pytest.raises(ArchiveError, match=reason):
        listed(damage(tarred({"1.png": b"abc"})))


def test_names_and_records_are_bounded() -> None:
    """A header may claim a name of a gigabyte: none is read."""
    for kind in (b"L", b"x", b"g"):
        header = bytearray(one()[:512])
        header[156:157] = kind
        header[124:136] = b"%011o\0" % 2**30
        archive = Held(signed(bytes(header)) + bytes(2048))
        with pytest.raises(
            ArchiveError, match=r"at most 65,536 bytes of a name at byte 0, found 1,073,741,824"
        ):
            list(tar_members.files(archive))
        assert max(size for _, size in archive.ranges) == 512


@pytest.mark.parametrize(
    "records", [b"x", b"5 a=1", b"99 a=1\n", b"0 a=1\n", b"7 path1\n", b"\xd9\xa3 a=1\n", b"9999999999 a=1\n"]
)
def test_damaged_records_are_an_error(records: bytes) -> None:
    """Each has its length, a key and a value."""
    header = bytearray(one()[:512])
    header[156:157] = b"x"
    header[124:136] = b"%011o\0" % len(records)
    body = signed(bytes(header)) + records.ljust(512, b"\0") + one()
    with pytest.raises(ArchiveError, match="expected pax records at byte 0"):
        listed(body)


@pytest.mark.parametrize("size", ["x", "-1", "9" * 30, "9" * 5000])
def test_a_size_that_is_none_is_an_error(size: str) -> None:
    """Whatever a record claims."""
    with pytest.raises(ArchiveError, match="expected a member's size"):
        listed(one(pax_headers={"size": size}))


def test_a_size_of_records_goes_before_that_of_the_header() -> None:
    """POSIX writes sizes of 8 GiB and more there."""
    (member,) = usable(listed(one(size=3, pax_headers={"size": "3"})))
    assert (member.at, member.size) == (1536, 3)


def test_what_is_no_header_is_recognised() -> None:
    """A block of zeros, a short one, and one whose checksum isn't its own."""
    header = one()[:512]
    assert tar_members.is_header(header)
    assert not tar_members.is_header(bytes(512))
    assert not tar_members.is_header(header[:511])
    assert not tar_members.is_header(b"8" + header[1:])
    assert not tar_members.is_header(struct.pack("512s", b"PK\x03\x04"))
