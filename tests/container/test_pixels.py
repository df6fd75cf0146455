"""Bytes to pixels: which bytes are an image, how its modes become grey, and what a file may cost."""

import io
import re
import struct
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

import inference
import pixels
from benchmarks.costly_images import chunk, costly_images, segment
from model import IMAGE_SIZE

RAMP = np.arange(784, dtype=np.uint32).reshape(28, 28).astype(np.uint8)


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    """The image as a file."""
    target = io.BytesIO()
    image.save(target, form, **options)
    return target.getvalue()


SENTENCE = re.compile(r"(not an image: |expected 28 × 28 pixels, found )\S.*", re.DOTALL)
RAMP_PNG = encoded(Image.fromarray(RAMP))
RAMP_JPEG = encoded(Image.fromarray(RAMP), "JPEG", quality=95)


def png_header(width: int, height: int) -> bytes:
    """The start of an 8-bit grey PNG."""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))


def decode(content: bytes) -> pixels.Pixels:
    """Decode as inference does."""
    return pixels.decode(content, IMAGE_SIZE)


def outcome_of(content: bytes) -> str | pixels.Pixels:
    """The pixels of a file, or the reason of its record error."""
    try:
        return decode(content)
    except pixels.ImageError as error:
        return str(error)


def test_a_grey_png_gives_its_pixels() -> None:
    """An 8-bit grey PNG is decoded without a change, as uint8 (28, 28)."""
    decoded = decode(RAMP_PNG)
    np.testing.assert_array_equal(decoded, RAMP)
    assert decoded.dtype == np.uint8


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_gives_its_pixels_up_to_compression(mode: str) -> None:
    """JPEG in grey, colour or CMYK becomes the grey it shows."""
    smooth = np.linspace(40, 200, 784).reshape(28, 28).astype(np.uint8)
    decoded = decode(encoded(Image.fromarray(smooth).convert(mode), "JPEG", quality=95))
    assert np.abs(decoded.astype(int) - smooth).max() <= 6


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_every_opaque_png_mode_gives_the_same_grey(mode: str) -> None:
    """Grey stored as colour, with an opaque alpha or in a palette is the same grey."""
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(RAMP).convert(mode))), RAMP)


def test_one_bit_images_are_black_and_white() -> None:
    """A 1-bit PNG has the greys 0 and 255."""
    ink = RAMP > 128
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(ink))), ink * np.uint8(255))


def test_sixteen_bit_grey_keeps_its_upper_byte() -> None:
    """A 16-bit grey PNG is scaled down, not cut off at 255, and its lower byte doesn't count."""
    deep = RAMP.astype(np.uint16) * 256 + (255 - RAMP)
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(deep))), RAMP)


def test_pixels_are_bytes_whatever_the_image_has() -> None:
    """Training and inference normalise uint8."""
    for mode in ("1", "L", "I;16", "P", "RGB", "RGBA", "LA"):
        assert decode(encoded(Image.new(mode, (28, 28)))).dtype == np.uint8, mode


def test_what_is_transparent_shows_a_black_ground() -> None:
    """White ink that is opaque stays white, and white that is transparent becomes the dark ground."""
    image = Image.new("RGBA", (28, 28), (255, 255, 255, 0))
    image.paste((255, 255, 255, 255), (10, 10, 18, 18))
    expected = np.zeros((28, 28), np.uint8)
    expected[10:18, 10:18] = 255
    np.testing.assert_array_equal(decode(encoded(image)), expected)
    palette = image.convert("L").convert("P")
    np.testing.assert_array_equal(decode(encoded(palette, transparency=255)), np.zeros((28, 28)))


@pytest.mark.parametrize(("width", "height"), [(64, 64), (28, 29), (1, 1)])
def test_another_size_is_named(width: int, height: int) -> None:
    """An image of another size is refused with both sizes and what to do."""
    with pytest.raises(pixels.ImageError) as caught:
        decode(encoded(Image.new("L", (width, height))))
    assert str(caught.value) == (f"expected 28 × 28 pixels, found {width} × {height}: scale it first")


def test_a_bomb_is_refused_by_its_header() -> None:
    """A PNG of a few bytes that declares 30,000 × 30,000 pixels is refused before a pixel is decoded."""
    bomb = png_header(30_000, 30_000) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    with pytest.raises(pixels.ImageError, match=r"not an image: Image size .* exceeds limit"):
        decode(bomb)


def test_a_smaller_bomb_is_refused_by_its_size() -> None:
    """A PNG that declares 9,000 × 9,000 pixels, below Pillow's own limit, is of the wrong size."""
    bomb = png_header(9_000, 9_000) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    with pytest.raises(pixels.ImageError, match="found 9000 × 9000"):
        decode(bomb)


def test_a_warning_of_pillow_is_the_record_s_error(model: inference.Model) -> None:
    """Once a model is loaded, an image that Pillow warns about is refused instead of passing silently."""
    suspicious = png_header(10_000, 10_000) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    with pytest.raises(pixels.ImageError, match="decompression bomb"):
        decode(suspicious)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"GIF89a" + bytes(20), encoded(Image.fromarray(RAMP), "BMP")]
)
def test_other_bytes_are_not_an_image(content: bytes) -> None:
    """Only PNG and JPEG are images, though Pillow can read others; the reason holds no memory address."""
    with pytest.raises(pixels.ImageError) as caught:
        decode(content)
    assert str(caught.value) == "not an image: expected PNG or JPEG"


@given(st.data(), st.sampled_from([RAMP_PNG, RAMP_JPEG]))
def test_a_truncated_file_is_an_error_or_whole(drawn: st.DataObject, content: bytes) -> None:
    """A file cut anywhere is a record error, or, where only its end mark is lost, the same picture."""
    cut = content[: drawn.draw(st.integers(0, len(content) - 1))]
    outcome = outcome_of(cut)
    if isinstance(outcome, str):
        assert outcome.startswith("not an image: ")
        assert "0x" not in outcome
    else:
        np.testing.assert_array_equal(outcome, decode(content))


@given(st.data(), st.sampled_from([RAMP_PNG, RAMP_JPEG]))
def test_broken_bytes_give_pixels_or_a_record_error(drawn: st.DataObject, content: bytes) -> None:
    """Whatever bytes are damaged, decoding gives 28 × 28 pixels or an ImageError, nothing else."""
    damaged = bytearray(content)
    for position in drawn.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        damaged[position] = drawn.draw(st.integers(0, 255))
    with warnings.catch_warnings():
        warnings.filterwarnings("error", module=r"PIL\.")
        outcome = outcome_of(bytes(damaged))
    assert SENTENCE.fullmatch(outcome) if isinstance(outcome, str) else outcome.shape == (28, 28)


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The files that Pillow is handed, in their order."""
    opened: list[bytes] = []
    original = Image.open

    def listen(file: io.BytesIO, **named: Any) -> Image.Image:
        opened.append(file.getvalue())
        return original(file, **named)

    monkeypatch.setattr(Image, "open", listen)
    return opened


def pieces_of(content: bytes) -> list[bytes]:
    """The chunks of a PNG, or the segments of a JPEG, each scan with its data; the signature is left out."""
    if content.startswith(b"\xff"):
        return re.split(rb"(?=\xff[\xc0-\xc4\xd9-\xfe])", content[2:])[1:]
    pieces, start = [], 8
    while start < len(content):
        end = start + 12 + int.from_bytes(content[start : start + 4], "big")
        pieces.append(content[start:end])
        start = end
    return pieces


def with_metadata(content: bytes, *metadata: bytes) -> bytes:
    """The file with chunks after its header, or with segments after its first."""
    first = content.index(pieces_of(content)[1])
    return b"".join([content[:first], *metadata, content[first:]])


def test_metadata_is_left_out_and_not_unpacked(handed: list[bytes]) -> None:
    """Profiles, EXIF and texts of a scan don't reach Pillow: it is handed the file that never had them."""
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Software", "a scanner", zip=True)
    texts.add_itxt("Title", "seven", zip=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    described: dict[str, Any] = {"exif": exif, "icc_profile": bytes(300_000), "dpi": (600, 600)}
    scan = Image.fromarray(RAMP)
    np.testing.assert_array_equal(decode(encoded(scan, pnginfo=texts, **described)), RAMP)
    comment: dict[str, Any] = {
        "comment": b"a camera",
        "quality": 95,
        "icc_profile": bytes(300_000),
        "exif": exif,
    }
    np.testing.assert_array_equal(decode(encoded(scan, "JPEG", **comment)), decode(RAMP_JPEG))
    assert handed == [RAMP_PNG, RAMP_JPEG, RAMP_JPEG]


@pytest.mark.parametrize("metadata", [chunk(b"iCCP", b""), chunk(b"tEXt", b"x")[:-1] + b"?"])
def test_damaged_metadata_costs_no_image(metadata: bytes) -> None:
    """What isn't looked at may be broken: the pixels are those of the image."""
    np.testing.assert_array_equal(decode(with_metadata(RAMP_PNG, metadata)), RAMP)


@pytest.mark.parametrize("kind", sorted({*range(0xE1, 0xF0), 0xFE} - {0xEE}))
def test_segments_of_metadata_are_left_out(handed: list[bytes], kind: int) -> None:
    """All application segments but those that name the colours, and comments: Pillow never sees them."""
    np.testing.assert_array_equal(decode(with_metadata(RAMP_JPEG, segment(kind, b"x"))), decode(RAMP_JPEG))
    assert handed == [RAMP_JPEG, RAMP_JPEG]


def test_a_png_without_its_end_is_what_pillow_makes_of_it() -> None:
    """A download that broke off within IEND has all its pixels, and isn't said to have too many pieces."""
    np.testing.assert_array_equal(decode(RAMP_PNG[:-12]), RAMP)


def test_a_second_beginning_is_where_a_jpeg_ends(handed: list[bytes]) -> None:
    """A start of image has no length: what follows it isn't looked at."""
    beginning = RAMP_JPEG[: RAMP_JPEG.index(b"\xff\xd9")]
    outcome_of(beginning + b"\xff\xd8\x00\x04ab" + b"\xff\xfe\x00\x04ab" * 1500)
    assert handed == [beginning + b"\xff\xd8"]


@pytest.mark.parametrize(
    ("content", "metadata", "found"),
    [(RAMP_PNG, chunk(b"tEXt", b"x\0"), "PNG"), (RAMP_JPEG, segment(0xFE, b"x"), "JPEG")],
    ids=["PNG", "JPEG"],
)
def test_a_file_has_at_most_a_thousand_pieces(content: bytes, metadata: bytes, found: str) -> None:
    """Signature, chunks and segments count, of metadata too; with one above the bound the file is refused."""
    free = 1000 - 1 - len(pieces_of(content))
    np.testing.assert_array_equal(decode(with_metadata(content, *[metadata] * free)), decode(content))
    assert outcome_of(with_metadata(content, *[metadata] * (free + 1))) == (
        f"not an image: expected a {found} of at most 1,000 pieces, found more"
    )


def test_pillow_is_handed_no_more_than_small_images_need(handed: list[bytes]) -> None:
    """Of a file of 4 MiB Pillow sees 32 KiB at most, whatever it is made of."""
    for name, content in costly_images().items():
        assert 0.9 * inference.MAX_OBJECT_BYTES < len(content) <= inference.MAX_OBJECT_BYTES, name
        outcome_of(content)
        assert sum(len(each) for each in handed) <= 32 * 1024, name
        handed.clear()


def test_a_large_image_is_refused_by_its_size_and_not_by_its_bytes() -> None:
    """A photo's first bytes say how large it is, PNG or JPEG; noise makes files far above the bound."""
    photo = Image.fromarray(np.random.RandomState(0).randint(0, 256, (300, 400, 3)).astype(np.uint8))
    for form in ("PNG", "JPEG"):
        content = encoded(photo, form)
        assert len(content) > 2 * 32 * 1024
        assert outcome_of(content) == "expected 28 × 28 pixels, found 400 × 300: scale it first"
    header, *parts, end = pieces_of(encoded(photo))
    data = b"".join(part[8:-4] for part in parts)
    fine = [chunk(b"IDAT", data[start : start + 100]) for start in range(0, len(data), 100)]
    assert len(fine) > 1000
    assert "found 400 × 300" in str(outcome_of(b"".join([RAMP_PNG[:8], header, *fine, end])))


def test_the_largest_small_images_are_below_the_bound() -> None:
    """Noise at full depth and quality, uncompressed and progressive, is decoded to its last pixel."""
    noise = np.random.RandomState(0).randint(0, 256, (28, 28, 4)).astype(np.uint8)
    noise[..., 3] = 255
    colours = Image.fromarray(noise).convert("RGB")
    np.testing.assert_array_equal(
        decode(encoded(Image.fromarray(noise), compress_level=0)), np.asarray(colours.convert("L"))
    )
    for progressive in (False, True):
        options = {"quality": 100, "subsampling": 0, "progressive": progressive}
        content = encoded(colours.convert("CMYK"), "JPEG", **options)
        with Image.open(io.BytesIO(content)) as image:
            np.testing.assert_array_equal(decode(content), np.asarray(image.convert("L")))
        assert len(content) < 16 * 1024


def test_segments_that_name_the_colours_are_kept() -> None:
    """Adobe's says that components are red, green and blue: else they would be read as luma and hues."""
    picture = Image.fromarray(RAMP).convert("RGB")
    jfif, *others = pieces_of(encoded(picture, "JPEG", quality=95))
    adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")
    content = b"".join([RAMP_JPEG[:2], adobe, *others])
    with Image.open(io.BytesIO(content)) as image:
        expected = np.asarray(image.convert("L"))
    np.testing.assert_array_equal(decode(content), expected)
    assert (decode(b"".join([RAMP_JPEG[:2], jfif, *others])) != expected).any()


def test_restarts_are_part_of_a_scan() -> None:
    """Scanners write a marker every few blocks, which has no length: the pixels are those without them."""
    content = encoded(Image.fromarray(RAMP), "JPEG", quality=95, restart_marker_blocks=1)
    assert content.count(b"\xff\xd0") > 1
    np.testing.assert_array_equal(decode(content), decode(RAMP_JPEG))


@pytest.mark.parametrize(
    ("content", "others"),
    [(RAMP_PNG, chunk(b"tEXt", b"x\0")), (RAMP_JPEG, segment(0xFE, b"x"))],
    ids=["PNG", "JPEG"],
)
def test_what_follows_an_image_s_end_is_not_looked_at(
    handed: list[bytes], content: bytes, others: bytes
) -> None:
    """Phones append films and depths: neither their size nor their number counts."""
    np.testing.assert_array_equal(decode(content + others * 2000), decode(content))
    assert handed == [content, content]


def test_an_animated_image_is_its_first_picture() -> None:
    """A reader that doesn't know animations shows it, too."""
    np.testing.assert_array_equal(decode(ANIMATED), RAMP)


def test_a_palette_image_without_its_palette_says_so() -> None:
    """Pillow's own error for it has no words."""
    whole = encoded(Image.fromarray(RAMP).convert("P"))
    without = b"".join([whole[:8], *(piece for piece in pieces_of(whole) if piece[4:8] != b"PLTE")])
    assert outcome_of(without) == "not an image: its palette is missing"


@pytest.mark.parametrize(
    ("error", "reason"),
    [(AssertionError(), "Pillow can't decode it (AssertionError)"), (OSError("x" * 999), "x" * 186)],
)
def test_a_reason_has_words_and_an_end(
    monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    """An error record has a reason also where a decoder gives none, and 200 characters of a long one."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Image, "open", fail)
    assert outcome_of(RAMP_PNG) == f"not an image: {reason}"


def test_a_lack_of_memory_is_not_the_image_s_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails the request, which is sent again, instead of counting an image as unreadable."""

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(MemoryError):
        decode(RAMP_PNG)


ANIMATED = encoded(Image.fromarray(RAMP), save_all=True, append_images=[Image.new("L", (28, 28))] * 2)
SOURCES = [
    RAMP_PNG,
    encoded(Image.fromarray(RAMP), transparency=7, dpi=(72, 72), icc_profile=bytes(50)),
    encoded(Image.fromarray(RAMP).convert("P")),
    encoded(Image.fromarray(RAMP).convert("RGBA")),
    RAMP_JPEG,
    encoded(Image.fromarray(RAMP).convert("RGB"), "JPEG", progressive=True, comment=b"x", dpi=(72, 72)),
]


def as_pillow_reads(content: bytes) -> pixels.Pixels | None:
    """The grey pixels of a file that Pillow reads whole, None for any other."""
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
            grey = image.size == (28, 28) and image.mode == "L" and not image.has_transparency_data
            return np.asarray(image) if grey else None
    except Exception:  # noqa: BLE001 (as in pixels.py: Pillow raises nearly anything)
        return None


def both_outcomes(content: bytes) -> tuple[str | pixels.Pixels, pixels.Pixels | None]:
    """What inference and Pillow alone make of a file, where warnings are errors."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", module=r"PIL\.")
        return outcome_of(content), as_pillow_reads(content)


@given(st.data(), st.sampled_from(SOURCES))
def test_pieces_in_any_order_are_what_pillow_reads_or_a_sentence(drawn: st.DataObject, source: bytes) -> None:
    """Where Pillow reads a file of dropped, repeated and exchanged pieces, inference has the same pixels."""
    pieces = pieces_of(source)
    places = st.integers(0, len(pieces) - 1)
    chosen = [pieces[place] for place in drawn.draw(st.lists(places, max_size=12)) or range(len(pieces))]
    if drawn.draw(st.booleans()):  # else the header is where chance has it
        chosen.insert(0, pieces[0])
    content = b"".join([source[:2] if source.startswith(b"\xff") else source[:8], *chosen])
    outcome, expected = both_outcomes(content)
    if isinstance(outcome, str):
        assert SENTENCE.fullmatch(outcome)
        assert expected is None
    else:
        assert outcome.shape == (28, 28)
        assert expected is None or (outcome == expected).all()


@given(st.data(), st.sampled_from([*SOURCES, ANIMATED]))
def test_damaged_pieces_give_pixels_or_a_sentence(drawn: st.DataObject, source: bytes) -> None:
    """Bytes that are damaged within chunks and segments, lengths and names among them, end in either."""
    pieces = pieces_of(source)
    for place, position, value in drawn.draw(
        st.lists(st.tuples(st.integers(0), st.integers(0, 30), st.integers(0, 255)), min_size=1, max_size=3)
    ):
        damaged = bytearray(pieces[place % len(pieces)])
        damaged[position % len(damaged)] = value
        pieces[place % len(pieces)] = bytes(damaged)
    outcome, _ = both_outcomes(b"".join([source[:2] if source.startswith(b"\xff") else source[:8], *pieces]))
    assert SENTENCE.fullmatch(outcome) if isinstance(outcome, str) else outcome.shape == (28, 28)
