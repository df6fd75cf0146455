"""Errors that a command reports in a sentence, without a stack trace."""

from typing import Any
from urllib.parse import urlsplit

import typer
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from localcloud.core.isolation import LOOPBACK


class CommandError(Exception):
    """A command can't go on; the message says what was expected, what was found and what to do next."""


def in_words(error: ClientError | BotoCoreError) -> str:
    """What AWS, or the way to it, answered; and the likely cause where nobody answers on this machine."""
    if isinstance(error, EndpointConnectionError):
        url = str(error.kwargs.get("endpoint_url", ""))
        if urlsplit(url).hostname in LOOPBACK:
            return f"nobody answers at {url}: is `digits up` running? (AWS_ENDPOINT_URL names this address)"
    return str(error)


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
            _print_error(f"AWS: {in_words(error)}")
            raise typer.Exit(1) from error


def _print_error(text: str) -> None:
    Console(stderr=True).print(f"[red]Error:[/red] {escape(text)}", highlight=False, soft_wrap=True)
