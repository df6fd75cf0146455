"""Progress of a command, stage by stage: a spinner with the latest news, then one permanent line."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.status import Status


class StageError(Exception):
    """A stage failed; the message has been shown."""


class Stage:
    """A running stage: `news` replaces the spinner's text, `result` becomes its permanent line."""

    def __init__(self, status: Status, title: str) -> None:
        self._status, self._title = status, title
        self.result = ""

    def news(self, text: str) -> None:
        """Show the latest news of the stage."""
        self._status.update(f"{self._title}  [dim]{escape(text[:100])}[/dim]")


class Stages:
    """The stages of one command on one console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.current: Stage | None = None

    @contextmanager
    def stage(self, title: str) -> Iterator[Stage]:
        """Show a stage until it ends; an error is shown in full and becomes a StageError."""
        began = time.monotonic()
        with self._console.status(title) as status:
            self.current = stage = Stage(status, title)
            try:
                yield stage
            except Exception as error:
                self._console.print(f"[red]✗[/red] {title}\n  [red]{escape(str(error))}[/red]")
                raise StageError(title) from error
            finally:
                self.current = None
        seconds = f"{time.monotonic() - began:5.1f} s"
        line = f"[green]✓[/green] {title:<21} [dim]{seconds}[/dim]  {escape(stage.result)}"
        self._console.print(line, soft_wrap=True, highlight=False)

    def news(self, text: str) -> None:
        """Show news in the running stage, if there is one."""
        if stage := self.current:
            stage.news(text)
