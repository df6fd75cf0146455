"""`digits doctor`: what keeps a stack from working, and what to do about it."""

import typer
from rich.console import Console
from rich.markup import escape

from cli import stack as stacks
from cli.stack import StackName


def doctor(stack: StackName = stacks.NAME) -> None:
    """Check that a deployed stack can do its work; each line says what to do.

    Credentials, region, deployment, quotas of instances, an approved model, S3's
    events, the e-mail's subscription, dead-letter queues. ✓ is well, ! deserves a
    look, ✗ stops the stack from working, – can't be seen here. Nothing is changed.

    The exit status is 1 where there is a ✗.
    """
    from cli.checks import Mark, findings

    console, stops = Console(), False
    for finding in findings(stack):
        line = f"{finding.mark.value} {finding.what:<14}  {escape(finding.found)}"
        console.print(line, highlight=False, soft_wrap=True)
        if finding.do:
            console.print(f"  {'':<14}  [bold]→[/bold] {escape(finding.do)}", highlight=False, soft_wrap=True)
        stops = stops or finding.mark is Mark.STOPS
    if stops:
        raise typer.Exit(1)
