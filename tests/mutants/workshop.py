"""A copy of the project in which one file at a time has a bug, and the process that runs tests in it."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]


class Workshop:
    """One copy with its process; used by one thread at a time."""

    def __init__(self, below: Path, project: Path = PROJECT) -> None:
        self.folder = folder = Path(tempfile.mkdtemp(prefix="copy-", dir=below))
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=project,
            check=True,
            capture_output=True,
            text=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (project / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(project / name, folder / name)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name("zygote.py"))],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.written = 0

    def order(self, **what: Any) -> dict[str, Any]:
        """What the process answers (zygote.py)."""
        assert self.process.stdin
        assert self.process.stdout
        log = str(self.folder.with_suffix(".log"))
        self.process.stdin.write(json.dumps({"log": log} | what) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def types(self, folder: str) -> str | None:
        """What mypy says of a folder, where it doesn't fit."""
        found: str | None = self.order(types=[folder], seconds=600)["killed_by"]
        return found

    def worlds(self, number: int) -> str | None:
        """The first of so many simulated worlds that breaks a property."""
        found: str | None = self.order(worlds=number, seconds=10 + number)["killed_by"]
        return found

    @contextmanager
    def planted(self, file: str, source: str) -> Iterator[None]:
        """The copy has this source in a file for a while."""
        right = (self.folder / file).read_text()
        self._write(file, source)
        try:
            yield
        finally:
            self._write(file, right)

    def _write(self, file: str, source: str) -> None:
        """Each source has a time of its own, by which Python sees that it is another: it counts seconds."""
        path = self.folder / file
        self.written += 1
        path.write_text(source)
        at = 1_500_000_000 + self.written
        os.utime(path, (at, at))

    def close(self) -> None:
        """End the process and remove the copy."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()
        shutil.rmtree(self.folder)
        self.folder.with_suffix(".log").unlink(missing_ok=True)
