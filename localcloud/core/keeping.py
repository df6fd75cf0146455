"""What a part of the cloud keeps from one cloud to the next: each part hands over its own."""

import hashlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any


class Contents:
    """A folder of contents, each in a file that is named by its SHA-256."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._used: set[str] = set()

    def put(self, content: bytes) -> str:
        """Keep a content, and return its digest."""
        digest = hashlib.sha256(content).hexdigest()
        file = self._folder / digest
        if not file.exists():
            unfinished = file.with_suffix(".unfinished")
            unfinished.write_bytes(content)
            unfinished.replace(file)
        self.use(digest)
        return digest

    def use(self, digest: str) -> None:
        """Say that a content is still needed."""
        self._used.add(digest)

    def get(self, digest: str) -> bytes:
        """A content."""
        return (self._folder / digest).read_bytes()

    def begin(self) -> None:
        """Forget what has been needed."""
        self._used.clear()

    def remove_unused(self) -> None:
        """Delete what hasn't been put or used since `begin`."""
        for file in self._folder.iterdir():
            if file.name not in self._used:
                file.unlink()


class Part(ABC):
    """What one part of the cloud keeps.

    What it keeps is made of what JSON has, and of moments and bytes. Without a folder that keeps state,
    only `unfinished` is called.
    """

    @abstractmethod
    def save(self, contents: Contents) -> Any:
        """Return what is kept, what hasn't found its place again included; nobody changes it meanwhile."""

    @abstractmethod
    def restore(self, kept: Any, contents: Contents) -> None:
        """Take what was kept, when the cloud starts, before anything has been deployed to it."""

    def ready(self) -> bool:
        """Whether all is there again that work needs that was under way."""
        return True

    def resume(self) -> None:  # noqa: B027 - most parts have nothing under way
        """Let go on what was under way and has all it needs; called again and again, once all were ready."""

    def unfinished(self) -> dict[str, int]:
        """What is under way, counted by what one of it is called."""
        return {}
