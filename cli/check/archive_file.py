"""An archive on this machine, read as the functions read one in S3."""

import gzip
from pathlib import Path

from batch_prediction.archives.ranges import Unpacked


class ArchiveFile:
    """A file's bytes by position: what batch_prediction/archives/ wants of an archive."""

    def __init__(self, path: Path) -> None:
        self._path, self._file = path, path.open("rb")
        self.address, self.size = str(path), path.stat().st_size

    def read(self, at: int, size: int) -> bytes:
        """`size` bytes from position `at`; fewer only where the file ends."""
        if at < 0 or at >= self.size:
            return b""
        self._file.seek(at)
        return self._file.read(size)

    def unpacked(self, most: int) -> Unpacked:
        """The content unpacked by gzip, up to `most` bytes of it."""
        return Unpacked(gzip.GzipFile(self._path, mode="rb"), most)
