"""The programs that the local cloud starts, and their end."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class Processes:
    """Every program that has been started; each leads a session of its own.

    So a Ctrl-C in the terminal reaches a process only through `end`, and a signal to it reaches all that it
    has started itself.
    """

    def __init__(self) -> None:
        self._started: list[subprocess.Popen[str]] = []

    def start(self, args: Sequence[str | Path], env: Mapping[str, str], cwd: Path) -> subprocess.Popen[str]:
        """Start a program; its output and errors are one pipe of UTF-8 text."""
        self._started = [process for process in self._started if process.poll() is None]
        process = subprocess.Popen(
            [str(arg) for arg in args],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def end(self, grace_seconds: float) -> None:
        """Ask all of them to end and, after `grace_seconds`, make them."""
        alive = [process for process in self._started if process.poll() is None]
        for process in alive:
            end_process(process, signal.SIGTERM)
        deadline = time.monotonic() + grace_seconds
        for process in alive:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                end_process(process, signal.SIGKILL)
                process.wait()


def end_process(process: subprocess.Popen[str], signal_number: int = signal.SIGKILL) -> None:
    """Send a signal to a process and to all that it has started; fine when they are gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal_number)


def read_lines(process: subprocess.Popen[str], read: Callable[[str], None]) -> None:
    """Give each line that a process prints to `read`, until it has closed its output."""
    if process.stdout is None:
        raise TypeError("the process was started without a pipe for its output")
    with process.stdout as lines:
        for line in lines:
            read(line)
