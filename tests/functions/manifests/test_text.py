"""A manifest's bytes as lines of UTF-8."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_prediction.manifests import text
from batch_prediction.manifests.records import ManifestError
from batch_prediction.manifests.text import MAX_LINE, as_utf_8, lines

SAMPLE = "file_name,label\né数😀.png,7\n"


def cut(raw: bytes, chunk: int) -> list[bytes]:
    """Bytes as they arrive."""
    return [raw[start : start + chunk] for start in range(0, len(raw), chunk)]


@pytest.mark.parametrize("chunk", [1, 3, 1_000])
@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (SAMPLE.encode(), "UTF-8"),
        (SAMPLE.encode("utf-8-sig"), "UTF-8"),
        (SAMPLE.encode("utf-16"), "UTF-16"),
        ("\ufeff".encode("utf-16-be") + SAMPLE.encode("utf-16-be"), "UTF-16"),
        (SAMPLE.encode("utf-16-le"), "UTF-16"),
        (SAMPLE.encode("utf-16-be"), "UTF-16"),
    ],
)
def test_every_encoding_is_recognised_and_becomes_utf_8(raw: bytes, name: str, chunk: int) -> None:
    """With a mark or without, wherever characters are cut."""
    found, chunks = as_utf_8(cut(raw, chunk))
    assert (found, b"".join(chunks).decode()) == (name, SAMPLE)


@given(st.binary(max_size=60), st.sampled_from([b"\xff\xfe", b"\xfe\xff", b"a\0b\0"]), st.integers(1, 9))
def test_broken_utf_16_raises_nothing_and_is_no_text_in_utf_8(raw: bytes, mark: bytes, chunk: int) -> None:
    """Lone surrogates and half characters become bytes that cost their lines."""
    encoding = "utf-16-be" if mark == b"\xfe\xff" else "utf-16-le"
    content = raw if mark != b"a\0b\0" else mark + raw
    try:
        expected = content.decode(encoding)
    except UnicodeDecodeError:
        expected = None
    if (mark + raw).startswith(b"\xff\xfe\0\0"):
        return
    _, chunks = as_utf_8(cut(mark + raw, chunk))
    found = b"".join(chunks)
    if expected is None:
        with pytest.raises(UnicodeDecodeError):
            found.decode()
    else:
        assert found.decode() == expected


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"PK\x03\x04rest", "an Excel workbook: save the table as CSV"),
        (b"\x1f\x8brest", "gzip: unpack it"),
        (b"PAR1rest", "Parquet"),
        ("x".encode("utf-32"), "UTF-32: save it as UTF-8"),
    ],
)
def test_what_isn_t_text_is_refused_by_name(raw: bytes, why: str) -> None:
    """A workbook that was renamed to manifest.csv, say."""
    with pytest.raises(ManifestError, match=why):
        as_utf_8([raw])


def test_a_manifest_has_bounded_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound names itself and what to do, as soon as it is exceeded."""
    monkeypatch.setattr(text, "MAX_BYTES", 100)
    _, chunks = as_utf_8([b"x" * 60, b"y" * 40])
    assert len(b"".join(chunks)) == 100
    _, chunks = as_utf_8([b"x" * 60, b"y" * 41])
    with pytest.raises(ManifestError, match="at most 100 bytes, found more: divide the batch"):
        list(chunks)


@given(
    st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=20),
    st.integers(1, 64),
)
def test_lines_don_t_depend_on_how_the_bytes_arrive(given_lines: list[bytes], chunk: int) -> None:
    """Splitting at line feeds gives the same lines for any size of chunk."""
    raw = b"\n".join(given_lines)
    chunks = [raw[start : start + chunk] for start in range(0, len(raw), chunk)]
    expected = raw.split(b"\n")
    assert list(lines(chunks)) == (expected if expected[-1] else expected[:-1])


def test_an_endless_line_takes_bounded_memory_and_costs_one_line() -> None:
    """Of an over-long line only its beginning is kept, and the line behind it is read as usual."""
    raw = b"x" * (3 * MAX_LINE) + b"\ny"
    for chunk in (1000, len(raw)):
        first, second = lines(raw[start : start + chunk] for start in range(0, len(raw), chunk))
        assert len(first) == MAX_LINE + 1
        assert second == b"y"
