"""A folder that keeps the account from one cloud to the next: what each part of the cloud hands over.

The folder holds `state.json` and, each under its SHA-256, the objects' contents. It is written about once a
second, as long as something changes, and when the cloud stops: a program that is killed loses a second, and
its state is that of one moment. What the parts keep they say themselves (`core/keeping.py`).
"""

import base64
import fcntl
import json
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from localcloud.core.cloud import Cloud, CloudError
from localcloud.core.keeping import Contents

FORMAT = 2
SECONDS = 1.0  # between two looks whether something has changed
SHARE = 20  # the pause between two writes is so many times as long as the last one took
QUIET_SECONDS = 0.05  # how long requests may be held up for a moment in which there is none
READY_SECONDS = 0.05  # between two looks whether what was under way can go on


class State:
    """A folder's content: read when a cloud starts, written while it runs, and when it has stopped.

    What was under way goes on when all that there was has been deployed again, or later, when the rest of
    what it needs is there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cloud: Cloud
        self._contents: Contents
        self._written = -1  # the number of changes that the file has
        self._writing = threading.Lock()
        self._resumed = False

    def plug_in(self, cloud: Cloud) -> None:
        """Read the folder, bring back what it holds, and keep it up to date."""
        self._cloud = cloud
        self._lock()
        self._contents = Contents(self._folder / "objects")
        self._kept: dict[str, Any] = self._read()
        for name, part in cloud.parts.items():
            if name in self._kept:
                part.restore(self._kept[name], self._contents)
        cloud.on_stop(self._finish)
        cloud.spawn(self._run, "state")

    def _lock(self) -> None:
        """Keep other clouds out of the folder until this one has stopped."""
        (self._folder / "objects").mkdir(parents=True, exist_ok=True)
        lock = (self._folder / "lock").open("w")
        self._cloud.on_stop(lock.close)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CloudError(
                f"{self._folder}: another local cloud keeps its state there. End it, or name another folder."
            ) from error

    def _run(self) -> None:
        """Let go on what was under way, once it can, and write what changes until the cloud stops."""
        pause, last = READY_SECONDS, time.monotonic()
        while not self._cloud.stopping.wait(pause):
            self._resume()
            wait = SECONDS if self._resumed else READY_SECONDS
            if time.monotonic() - last >= SECONDS:
                began = time.monotonic()
                self.save()
                last = time.monotonic()
                wait = max(wait, SHARE * (last - began))
            pause = wait

    def _resume(self) -> None:
        if self._resumed or all(part.ready() for part in self._cloud.parts.values()):
            self._resumed = True
            for part in self._cloud.parts.values():
                part.resume()

    def save(self) -> None:
        """Write the state of a moment in which nobody changes anything, unless it is written already.

        Without such a moment nothing is written: the next time there may be one.
        """
        with self._writing:
            if self._cloud.gate.changes == self._written:
                return
            with self._cloud.gate.closed(QUIET_SECONDS) as quiet:
                if not quiet:
                    return
                state, changes = self._collect(), self._cloud.gate.changes
            self._write(state)
            self._written = changes

    def _finish(self) -> None:
        """Write the last state, when nothing runs any more, and drop the contents that it doesn't need."""
        with self._writing:
            self._contents.begin()
            self._write(self._collect())
            self._contents.remove_unused()

    def _collect(self) -> dict[str, Any]:
        parts = {name: part.save(self._contents) for name, part in self._cloud.parts.items()}
        return {"format": FORMAT, "parts": {**self._kept, **parts}}

    def _write(self, state: dict[str, Any]) -> None:
        unfinished = self._folder / "state.json.unfinished"
        unfinished.write_text(json.dumps(state, default=_encode))
        unfinished.replace(self._folder / "state.json")

    def _read(self) -> dict[str, Any]:
        file = self._folder / "state.json"
        if not file.exists():
            return {}
        try:
            kept = json.loads(file.read_text(), object_hook=_decode)
        except ValueError as error:
            raise CloudError(
                f"{file}: expected the state of a local cloud, but it isn't JSON: {error}. Move it away."
            ) from error
        if kept.get("format") == 1:
            return _of_format_1(kept)
        if kept.get("format") != FORMAT:
            raise CloudError(
                f"{file}: expected format {FORMAT}, found {kept.get('format')}. Another version wrote it: "
                "move it away."
            )
        parts: dict[str, Any] = kept["parts"]
        return parts


def _of_format_1(kept: dict[str, Any]) -> dict[str, Any]:
    """What an earlier version kept: buckets with the names that stacks gave them, and model packages."""
    buckets = {
        name: {**bucket, "owned": name in kept["names"].values()} for name, bucket in kept["buckets"].items()
    }
    return {
        "cloudformation": {"names": kept["names"], "stacks": []},
        "s3": buckets,
        "sagemaker packages": kept["packages"],
    }


def _encode(value: Any) -> dict[str, str]:
    if isinstance(value, datetime):
        return {"$time": value.isoformat()}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    raise TypeError(f"the local cloud can't keep a {type(value).__name__}: {value!r}")


def _decode(value: dict[str, Any]) -> Any:
    if set(value) == {"$time"}:
        return datetime.fromisoformat(value["$time"])
    return base64.b64decode(value["$bytes"]) if set(value) == {"$bytes"} else value
