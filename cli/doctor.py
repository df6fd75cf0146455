"""`digits doctor`: what prevents a stack from working, and what to do about it."""

import typer
from rich.console import Console
from rich.markup import escape

from cli import stack as stacks
from cli.stack import StackName


def doctor(stack: StackName = stacks.NAME) -> None:
    """Check that a deployed stack can work; say what to do about each problem.

    Checks credentials, region, deployment, instance quotas, the approved model,
    S3's events, the e-mail subscription and dead-letter queues. Changes nothing.

    ✓ is fine, ! needs attention, ✗ prevents the stack from working, – can't be
    checked here. The exit status is 1 if there is a ✗.
    """
    from cli.checks import Mark, findings

    console, failed = Console(), False
    for finding in findings(stack):
        line = f"{finding.mark.value} {finding.what:<14}  {escape(finding.found)}"
        console.print(line, highlight=False, soft_wrap=True)
        if finding.advice:
            console.print(
                f"  {'':<14}  [bold]→[/bold] {escape(finding.advice)}", highlight=False, soft_wrap=True
            )
        failed = failed or finding.mark is Mark.ERROR
    if failed:
        raise typer.Exit(1)
