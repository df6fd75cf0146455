"""`digits prove`: that a deployed stack works, link by link, by a batch of its own."""

import json
from typing import TYPE_CHECKING, Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape

from cli import stack as stacks
from cli.errors import CommandError
from cli.stack import StackName

if TYPE_CHECKING:
    from cli.prove.proof import Proof


def prove(
    stack: StackName = stacks.NAME,
    with_training: Annotated[
        bool,
        typer.Option("--with-training", help="First a search of two small trials and its final training."),
    ] = False,
    dataset: Annotated[
        str, typer.Option(help="Name of the data set below datasets/ that it trains on.", metavar="NAME")
    ] = "mnist",
    yes: Annotated[bool, typer.Option("--yes", help="Begin without asking.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Prove that a deployed stack works: drop a batch, and see every link of its way.

    Drops 40 images, of which eight are wrong in eight ways, and a manifest that
    is refused. Each link is shown by evidence of its own: event, message,
    decision, model, container, answers, report, notifications, metrics. Says
    first what it costs, and asks; removes its images at the end.

    ✓ holds, ✗ is broken, with what to do, – was not tried: what comes after a
    broken link. The exit status is 1 if there is a ✗.
    """
    from cli.prove import page
    from cli.prove.estimate import estimate
    from cli.prove.links import Mark
    from cli.prove.proof import Proof, new_training

    shown = Console(stderr=as_json)
    found = stacks.find(stack)
    proof = Proof(found, new_training(found, dataset) if with_training else None)
    _ask(shown, f"{found.name}: {estimate(found, with_training)}.", yes)
    try:
        with shown.status("") as status:

            def news(name: str, text: str) -> None:
                status.update(f"{name}  [dim]{escape(text[:100])}[/dim]")

            for result in proof.follow(news):
                page.show(shown, result)
    except KeyboardInterrupt as error:
        running = proof.goes_on()
        _list(shown, "Interrupted. Removed:", _removed(proof))
        _list(shown, "May still run; to stop it:", running)
        raise typer.Exit(130) from error
    removed, stays = _removed(proof), proof.stays()
    if as_json:
        print(json.dumps(page.as_json(found.name, proof.good.batch, proof.results, removed, stays), indent=2))
    else:
        _list(shown, "Removed:", removed)
        _list(shown, "Stays:", stays)
    if any(result.mark is Mark.BROKEN for result in proof.results):
        raise typer.Exit(1)


def _ask(console: Console, what: str, yes: bool) -> None:
    console.print(
        f"{what} It drops a batch, starts a transform job and removes its images at the end.",
        highlight=False,
        soft_wrap=True,
    )
    if not yes:
        typer.confirm("Begin?", abort=True, err=True)


def _removed(proof: "Proof") -> list[str]:
    """Remove what can be; CommandError with the command that does it, where AWS refuses."""
    try:
        return proof.remove()
    except (ClientError, BotoCoreError) as error:
        place = f"s3://{proof.stack.bucket}/incoming/{proof.good.batch}/"
        raise CommandError(
            f"{place}: expected to remove its images, found: {error}. "
            f"`aws s3 rm {place} --recursive --exclude 'manifest.*'` removes them"
        ) from error


def _list(console: Console, title: str, lines: list[str]) -> None:
    if lines:
        console.print(title)
    for line in lines:
        console.print(f"  {line}", highlight=False, soft_wrap=True, markup=False)
