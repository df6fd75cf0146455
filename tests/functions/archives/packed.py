"""Archives as Python's own programs pack them, and an archive in memory for what reads them."""

import io
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

from batch_prediction.archives.member import Member, Unusable

PNG = b"\x89PNG\r\n\x1a\n"


class Held:
    """An archive in memory: what of ObjectVersion its readers use, and the ranges that they have read."""

    def __init__(self, body: bytes) -> None:
        self.body, self.size, self.ranges = body, len(body), list[tuple[int, int]]()

    def read(self, at: int, size: int) -> bytes:
        """As ObjectVersion.read."""
        self.ranges.append((at, size))
        return self.body[at : at + size] if at >= 0 else b""


def zipped(
    files: Mapping[str, bytes] | Iterable[tuple[str, bytes]],
    method: int = zipfile.ZIP_DEFLATED,
    **options: Any,
) -> bytes:
    """A zip of these names and contents."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method, **options) as archive:
        for name, body in files.items() if isinstance(files, Mapping) else files:
            archive.writestr(name, body)
    return packed.getvalue()


def tarred(
    files: Mapping[str, bytes] | Iterable[tuple[str, bytes]], mode: str = "w", form: int = tarfile.PAX_FORMAT
) -> bytes:
    """A tar of these names and contents; one with the mode `w:gz` is compressed."""
    packed = io.BytesIO()
    with tarfile.open(mode=mode, fileobj=packed, format=form) as archive:  # type: ignore[call-overload]
        for name, body in files.items() if isinstance(files, Mapping) else files:
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
    return packed.getvalue()


def one_of_a_kind(kind: str, files: Mapping[str, bytes] | Iterable[tuple[str, bytes]]) -> bytes:
    """An archive of the kind `zip`, `tar` or `tar.gz`."""
    return zipped(files) if kind == "zip" else tarred(files, "w:gz" if kind == "tar.gz" else "w")


def usable(items: Iterable[Member | Unusable]) -> list[Member]:
    """The members among what was listed."""
    return [item for item in items if isinstance(item, Member)]


def refused(items: Iterable[Member | Unusable]) -> dict[str, str]:
    """The reasons among what was listed, by name."""
    return {item.name: item.reason for item in items if isinstance(item, Unusable)}
