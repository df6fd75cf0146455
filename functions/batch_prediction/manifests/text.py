"""A manifest's bytes as lines of UTF-8: the encoding is recognised, and each line is bounded.

UTF-8 and UTF-16, with a byte order mark or without. A text without a mark that begins with two characters of
which each has a zero byte is UTF-16: no manifest in UTF-8 has zeros.
"""

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain

from batch_prediction.manifests.records import ManifestError

MAX_LINE = 64 * 1024  # bytes in UTF-8, without the line feed
MAX_BYTES = 1024 * 1024 * 1024  # of a manifest: a million lines have about a tenth
_UTF_8 = codecs.BOM_UTF8
_BLANK = b" \r\x0b\x0c"  # but for tabs, which divide fields
# How files begin that aren't text: https://en.wikipedia.org/wiki/List_of_file_signatures
_SIGNATURES = {
    b"PK\x03\x04": "a zip archive or an Excel workbook: save the table as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save the table as CSV",
    b"\x1f\x8b": "compressed by gzip: unpack it",
    b"PAR1": "a Parquet file: export it as CSV or JSON Lines",
    b"SQLite format 3": "a database: export the table as CSV",
    b"%PDF": "a PDF: a manifest is text",
    codecs.BOM_UTF32_LE: "text in UTF-32: save it as UTF-8",
    codecs.BOM_UTF32_BE: "text in UTF-32: save it as UTF-8",
}


def as_utf_8(body: Iterable[bytes]) -> tuple[str, Iterator[bytes]]:
    """The name of a text's encoding, and its bytes in UTF-8 without a mark; ManifestError for no text."""
    chunks = _bounded(iter(body))
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= max(map(len, _SIGNATURES)):
            break
    for signature, found in _SIGNATURES.items():
        if head.startswith(signature):
            raise ManifestError(f"expected a manifest in text, found {found}")
    whole = chain([head], chunks)
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if head.startswith(mark):
            return "UTF-16", _recoded(chain([head[2:]], chunks), encoding)
    if head[1:4:2] == b"\0\0" and 0 not in head[0:4:2]:
        return "UTF-16", _recoded(whole, "utf-16-le")
    if head[0:4:2] == b"\0\0" and 0 not in head[1:4:2]:
        return "UTF-16", _recoded(whole, "utf-16-be")
    return "UTF-8", chain([head.removeprefix(_UTF_8)], chunks)


def _bounded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_BYTES:
            raise ManifestError(
                f"expected a manifest of at most {MAX_BYTES} bytes, found more: divide the batch into several"
            )
        yield chunk


def _recoded(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """The same text in UTF-8. What is no text becomes bytes that are none there either."""
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    odd = b""
    for chunk in chunks:
        data = odd + chunk
        even = len(data) & ~1
        odd = data[even:]
        yield decoder.decode(data[:even]).encode(errors="surrogatepass")
    yield decoder.decode(b"", final=True).encode(errors="surrogatepass") + (b"\xff" if odd else b"")


def lines(body: Iterable[bytes]) -> Iterator[bytes]:
    """Split chunks of bytes at line feeds, in memory bounded by a chunk and a line.

    Of a line above MAX_LINE, one byte more than that comes out, and the rest is passed over.
    """
    rest, skipping = b"", False
    for chunk in body:
        *whole, tail = chunk.split(b"\n")
        for piece in whole:
            if not skipping:
                yield (rest + piece)[: MAX_LINE + 1]
            rest, skipping = b"", False
        if not skipping:
            rest += tail
            if len(rest) > MAX_LINE:
                yield rest[: MAX_LINE + 1]
                rest, skipping = b"", True
    if rest:
        yield rest


def numbered(raw: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines that aren't blank, stripped. One that is too long stays so: nobody saw how it ends."""
    for number, line in enumerate(raw, start=1):
        if len(line) > MAX_LINE:
            yield number, line
        elif line.strip():
            yield number, line.strip(_BLANK)
