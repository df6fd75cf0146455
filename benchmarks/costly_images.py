"""Files that were made to cost time: 28 × 28 pixels in as many bytes as inference reads."""

import io
import struct
import zlib

from PIL import Image

BYTES = 4 * 1024 * 1024  # the largest object that inference reads
# Two blocks with codes of their own and no content (https://www.rfc-editor.org/rfc/rfc1951, 3.2.7).
EMPTY_BLOCKS = bytes.fromhex("04c0810800000000207feb43001c880000000000f2b73e")


def chunk(name: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def segment(marker: int, content: bytes) -> bytes:
    """A segment of a JPEG."""
    return bytes([0xFF, marker]) + struct.pack(">H", 2 + len(content)) + content


def costly_images() -> dict[str, bytes]:
    """Files of just under 4 MiB by what they are full of.

    Pillow alone spends up to nine seconds on one of them: it unpacks each profile of a PNG to a megabyte.
    """
    png, jpeg = _black("PNG"), _black("JPEG")
    packed = zlib.compress(bytes(1_000_000), 9)
    header, end = png[:33], chunk(b"IEND", b"")  # signature and IHDR
    return {
        "profiles": _filled(png, 33, chunk(b"iCCP", b"x\0\0" + packed)),
        "profiles behind the pixels": _filled(png, len(png) - 12, chunk(b"iCCP", b"x\0\0" + packed)),
        "packed texts": _filled(png, 33, chunk(b"zTXt", b"x\0\0" + packed)),
        "packed international texts": _filled(png, 33, chunk(b"iTXt", b"x\0\1\0\0\0" + packed)),
        "short texts": _filled(png, 33, chunk(b"tEXt", b"x\0")),
        "private chunks": _filled(png, 33, chunk(b"prVt", b"")),
        "empty pixel data": _filled(png, 33, chunk(b"IDAT", b"")),
        "empty blocks": header + chunk(b"IDAT", _repeated(b"\x78\x01", EMPTY_BLOCKS, BYTES - 100)) + end,
        "EXIF": _filled(jpeg, 2, segment(0xE1, b"Exif\0\0" + bytes(60))),
        "comments": _filled(jpeg, 2, segment(0xFE, b"")),
        "tables": _filled(jpeg, 2, segment(0xDB, (bytes([0]) + bytes(range(1, 65))) * 1000)),
        "padding": _filled(jpeg, 2, b"\xff"),
        "padding in a scan": _filled(jpeg, len(jpeg) - 2, b"\xff"),
        "restarts": _filled(jpeg, 2, b"\xff\xd0"),
    }


def _black(form: str) -> bytes:
    target = io.BytesIO()
    Image.new("L", (28, 28)).save(target, form)
    return target.getvalue()


def _filled(content: bytes, place: int, piece: bytes) -> bytes:
    return _repeated(content[:place], piece, BYTES - len(content) + place) + content[place:]


def _repeated(start: bytes, piece: bytes, size: int) -> bytes:
    return start + piece * ((size - len(start)) // len(piece))
