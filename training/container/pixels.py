"""The bytes of a PNG or JPEG to the pixels of a digit, in bounded time whatever the bytes are."""

import io
import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

Pixels = NDArray[np.uint8]

MAX_PIECES = 1000  # chunks of a PNG, segments of a JPEG: a camera's file has about 100 with all its metadata
MAX_BYTES = 32 * 1024  # without metadata: 28 × 28 pixels take at most 6 KB in a PNG, 13 KB in a JPEG

# What pixels depend on: the rest is metadata, whose unpacking may cost a thousand times as much as the image
# (https://www.w3.org/TR/png-3/#11Chunks; https://www.w3.org/Graphics/JPEG/itu-t81.pdf, table B.1).
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
CHUNK_NAME = re.compile(rb"\w{4}")  # as Pillow has it: anything else ends the chunks
JPEG_SIGNATURE = b"\xff\xd8\xff"
JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # those left out are part of a scan's data
JPEG_METADATA = {
    *range(0xE1, 0xEE),
    0xEF,
    0xFE,
}  # APP1 to 13, 15 and COM; APP0 and 14 name the colours
FIRST_SEGMENT = 0xC0
NO_SEGMENTS = {0xD8, 0xD9}  # an image's start and end


class ImageError(ValueError):
    """Bytes aren't an image that can be used; the message says why."""


class SizeError(ImageError):
    """An image of another size, which is told in its header."""

    def __init__(self, side: int, width: int, height: int) -> None:
        super().__init__(f"expected {side} × {side} pixels, found {width} × {height}: scale it first")
        self.width, self.height = width, height


def decode(data: bytes, side: int) -> Pixels:
    """Decode a PNG or JPEG of `side` × `side` pixels: greyscale, uint8, as it is stored.

    Colours become greyscale by their luma (ITU-R 601-2), 16-bit greyscale keeps its upper byte, transparent
    pixels show a black background. Profiles, comments and other metadata are ignored without being unpacked.
    The size is checked in the header, before any pixel is decoded.

    Raises ImageError; SizeError for another size.
    """
    form, content = _pixels_alone(data)
    try:
        with Image.open(io.BytesIO(content), formats=(form,)) as image:
            width, height = image.size
            if (width, height) == (side, side):
                return _grey(image)
    except UnidentifiedImageError as error:
        raise ImageError(f"not an image: a damaged {form}") from error
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # Pillow's decoders raise nearly anything for corrupt bytes
        reason = str(error) or f"Pillow can't decode it ({type(error).__name__})"
        raise ImageError(f"not an image: {reason}"[:200]) from error
    raise SizeError(side, width, height)


def _pixels_alone(data: bytes) -> tuple[str, bytes]:
    """Return the form, PNG or JPEG, and the beginning of the file without metadata, MAX_BYTES at most."""
    if data.startswith(PNG_SIGNATURE):
        form, pieces = "PNG", _png_pieces(data)
    elif data.startswith(JPEG_SIGNATURE):
        form, pieces = "JPEG", _jpeg_pieces(data)
    else:
        raise ImageError("not an image: expected PNG or JPEG")
    kept, size = [], 0
    for number, piece in enumerate(pieces):
        if number == MAX_PIECES:
            raise ImageError(f"not an image: expected a {form} of at most {MAX_PIECES:,} pieces, found more")
        kept.append(piece)
        size += len(piece)
        if size > MAX_BYTES:
            break
    return form, b"".join(kept)[:MAX_BYTES]


def _png_pieces(data: bytes) -> Iterator[bytes]:
    """Yield the signature and each chunk, empty for metadata; the last is IEND, or what is no chunk."""
    yield PNG_SIGNATURE
    position, name = len(PNG_SIGNATURE), b""
    while name != b"IEND":
        name = data[position + 4 : position + 8]
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        if name in PNG_CHUNKS:
            yield data[position:end]
        elif CHUNK_NAME.fullmatch(name):
            yield b""
        else:
            yield data[position:end]
            return
        position = end


def _jpeg_pieces(data: bytes) -> Iterator[bytes]:
    """Yield each segment with what follows it up to the next marker, of metadata the latter alone.

    A segment is a marker, two bytes of length and its content; what follows is the data of a scan. The last
    one is the image's end, or a marker that has no length.
    """
    marker = JPEG_MARKER.search(data, 2, MAX_BYTES)
    yield data[: marker.start() if marker else MAX_BYTES]
    while marker:
        start, kind = marker.start(), data[marker.start() + 1]
        if kind < FIRST_SEGMENT or kind in NO_SEGMENTS:
            yield data[start : start + 2]
            return
        end = start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
        marker = JPEG_MARKER.search(data, end, end + MAX_BYTES)
        yield data[end if kind in JPEG_METADATA else start : marker.start() if marker else len(data)]


def _grey(image: Image.Image) -> Pixels:
    if image.mode.startswith("I"):  # 16-bit greyscale: "I;16", and "I" before Pillow 11
        return (np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8)
    if image.mode == "P" and image.palette is None:
        raise ImageError("not an image: its palette is missing")
    if image.has_transparency_data:
        background = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(background, image.convert("RGBA"))
    grey = image if image.mode == "L" else image.convert("L")
    return np.frombuffer(grey.tobytes(), np.uint8).reshape(grey.height, grey.width)
