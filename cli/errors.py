"""Errors that a command reports in a sentence, without a stack trace."""

from typing import Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup


class CommandError(Exception):
    """A command can't go on; the message says what was expected, what was found and what to do next."""


class Commands(TyperGroup):
    """Commands that report expected errors, and AWS's, on standard error; exit status 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the given command."""
        try:
            return super().invoke(ctx)
        except CommandError as error:
            _print_error(str(error))
            raise typer.Exit(1) from error
        except (ClientError, BotoCoreError) as error:
            _print_error(f"AWS: {error}")
            raise typer.Exit(1) from error


def _print_error(text: str) -> None:
    Console(stderr=True).print(f"[red]Error:[/red] {escape(text)}", highlight=False, soft_wrap=True)
