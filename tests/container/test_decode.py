"""Bytes to pixels: which bytes are an image, and how its modes become grey."""

import io
import struct
import warnings
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import inference

RAMP = np.arange(784, dtype=np.uint32).reshape(28, 28).astype(np.uint8)


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    """The image as a file."""
    target = io.BytesIO()
    image.save(target, form, **options)
    return target.getvalue()


RAMP_PNG = encoded(Image.fromarray(RAMP))
RAMP_JPEG = encoded(Image.fromarray(RAMP), "JPEG", quality=95)


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_header(width: int, height: int) -> bytes:
    """The start of an 8-bit grey PNG."""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))


def outcome_of(content: bytes) -> str | inference.Pixels:
    """The pixels of a file, or the reason of its record error."""
    try:
        return inference.decode(content)
    except inference.RecordError as error:
        return str(error)


def test_a_grey_png_gives_its_pixels() -> None:
    """An 8-bit grey PNG is decoded without a change, as uint8 (28, 28)."""
    pixels = inference.decode(RAMP_PNG)
    np.testing.assert_array_equal(pixels, RAMP)
    assert pixels.dtype == np.uint8


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_gives_its_pixels_up_to_compression(mode: str) -> None:
    """JPEG in grey, colour or CMYK becomes the grey it shows."""
    smooth = np.linspace(40, 200, 784).reshape(28, 28).astype(np.uint8)
    pixels = inference.decode(encoded(Image.fromarray(smooth).convert(mode), "JPEG", quality=95))
    assert np.abs(pixels.astype(int) - smooth).max() <= 6


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_every_opaque_png_mode_gives_the_same_grey(mode: str) -> None:
    """Grey stored as colour, with an opaque alpha or in a palette is the same grey."""
    np.testing.assert_array_equal(inference.decode(encoded(Image.fromarray(RAMP).convert(mode))), RAMP)


def test_one_bit_images_are_black_and_white() -> None:
    """A 1-bit PNG has the greys 0 and 255."""
    ink = RAMP > 128
    np.testing.assert_array_equal(inference.decode(encoded(Image.fromarray(ink))), ink * np.uint8(255))


def test_sixteen_bit_grey_keeps_its_upper_byte() -> None:
    """A 16-bit grey PNG is scaled down, not cut off at 255."""
    deep = RAMP.astype(np.uint16) * 257
    np.testing.assert_array_equal(inference.decode(encoded(Image.fromarray(deep))), RAMP)


def test_what_is_transparent_shows_a_black_ground() -> None:
    """White ink that is opaque stays white, and white that is transparent becomes the dark ground."""
    image = Image.new("RGBA", (28, 28), (255, 255, 255, 0))
    image.paste((255, 255, 255, 255), (10, 10, 18, 18))
    expected = np.zeros((28, 28), np.uint8)
    expected[10:18, 10:18] = 255
    np.testing.assert_array_equal(inference.decode(encoded(image)), expected)
    palette = image.convert("L").convert("P")
    np.testing.assert_array_equal(inference.decode(encoded(palette, transparency=255)), np.zeros((28, 28)))


@pytest.mark.parametrize(("width", "height"), [(64, 64), (28, 29), (1, 1)])
def test_another_size_is_named(width: int, height: int) -> None:
    """An image of another size is refused with both sizes and what to do."""
    with pytest.raises(inference.RecordError) as caught:
        inference.decode(encoded(Image.new("L", (width, height))))
    assert str(caught.value) == (
        f"expected 28 × 28 pixels, found {width} × {height}: scale it before dropping it"
    )


def test_a_bomb_is_refused_by_its_header() -> None:
    """A PNG of a few bytes that declares 30,000 × 30,000 pixels is refused before a pixel is decoded."""
    bomb = png_header(30_000, 30_000) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    with pytest.raises(inference.RecordError, match=r"not an image: Image size .* exceeds limit"):
        inference.decode(bomb)


def test_a_smaller_bomb_is_refused_by_its_size() -> None:
    """A PNG that declares 9,000 × 9,000 pixels, below Pillow's own limit, is of the wrong size."""
    bomb = png_header(9_000, 9_000) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    with pytest.raises(inference.RecordError, match="found 9000 × 9000"):
        inference.decode(bomb)


def test_a_warning_of_pillow_is_the_record_s_error(model: inference.Model) -> None:
    """Once a model is loaded, an image that Pillow warns about is refused instead of passing silently."""
    suspicious = png_header(10_000, 10_000) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    with pytest.raises(inference.RecordError, match="decompression bomb"):
        inference.decode(suspicious)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"GIF89a" + bytes(20), encoded(Image.fromarray(RAMP), "BMP")]
)
def test_other_bytes_are_not_an_image(content: bytes) -> None:
    """Only PNG and JPEG are images, though Pillow can read others; the reason holds no memory address."""
    with pytest.raises(inference.RecordError) as caught:
        inference.decode(content)
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
        np.testing.assert_array_equal(outcome, inference.decode(content))


@given(st.data(), st.sampled_from([RAMP_PNG, RAMP_JPEG]))
def test_broken_bytes_give_pixels_or_a_record_error(drawn: st.DataObject, content: bytes) -> None:
    """Whatever bytes are damaged, decoding gives 28 × 28 pixels or a RecordError, nothing else."""
    damaged = bytearray(content)
    for position in drawn.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        damaged[position] = drawn.draw(st.integers(0, 255))
    with warnings.catch_warnings():
        warnings.filterwarnings("error", module=r"PIL\.")
        outcome = outcome_of(bytes(damaged))
    assert outcome if isinstance(outcome, str) else outcome.shape == (28, 28)


def test_images_are_classified_in_mini_batches_as_they_are_alone(
    model: inference.Model, block_images: Callable[..., tuple[np.ndarray, np.ndarray]]
) -> None:
    """130 images in one call get the labels that each gets alone, in the same order."""
    images, _ = block_images(130, seed=5)
    together = inference.classify(model, list(images))
    alone = [inference.classify(model, [image])[0] for image in images]
    assert [one["label"] for one in together] == [one["label"] for one in alone]
    assert len(together) == 130
    assert inference.classify(model, []) == []
