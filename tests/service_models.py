"""AWS's service models, as botocore carries them, read once a process.

botocore reads them anew for each session: SageMaker's takes 0.1 s, the table of endpoints another 0.1 s. Most
tests make sessions of their own, so that no client of an earlier account is left.
"""

from typing import Any, ClassVar

from botocore.loaders import JSONFileLoader, Loader


class _ReadOnce(JSONFileLoader):
    """Keeps what it has read; sessions don't change it."""

    _kept: ClassVar[dict[str, Any]] = {}

    def load_file(self, file_path: str) -> Any:
        """The file's content; None where there is no such file."""
        if file_path not in self._kept:
            self._kept[file_path] = super().load_file(file_path)
        return self._kept[file_path]


def read_once() -> None:
    """Let every session that is made from now on share what was read."""
    Loader.FILE_LOADER_CLASS = _ReadOnce
