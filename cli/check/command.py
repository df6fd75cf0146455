"""`digits check`: what a batch would be, before anything is uploaded."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from cli import stack as stacks
from cli.cost import DEFAULTS

if TYPE_CHECKING:
    from batch_prediction.start.archive import Members
    from cli.check import findings

PARAMETERS = DEFAULTS | {"MaxImages": "1000000"}  # template.yaml's

Path = Annotated[
    str,
    typer.Argument(
        help="A folder, an archive (.zip, .tar, .tar.gz, .tgz), a manifest, or s3://… with one of them.",
        metavar="PATH",
    ),
]


def check(
    path: Path,
    stack_name: Annotated[
        str | None,
        typer.Option(
            "--stack", help="Take limit, instance type and price from a deployed stack.", metavar="NAME"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with every problem.")] = False,
) -> None:
    """Say what a batch would be: images, labels, sizes, duplicates, problems, cost.

    It is read by the rules of a run and by the decoder of its container. Nothing
    is uploaded. Without --stack, AWS isn't asked about anything on this machine.

    Exit status: 0 when everything can be used, 1 when problems cost lines,
    labels or images, 2 when the batch would be refused as a whole.
    """
    from cli.check import printed
    from cli.check.expected import expected

    parameters = PARAMETERS
    if stack_name:
        found_stack = stacks.find(stack_name)
        parameters = {name: found_stack.parameter(name) for name in parameters}
    found, _ = examined(path, parameters)
    estimate = None if found.refused else expected(found.images, found.requests, parameters)
    if as_json:
        typer.echo(json.dumps(printed.for_programs(found, estimate), indent=2))
    else:
        printed.show(Console(), found, estimate)
    raise typer.Exit(found.verdict)


def examined(path: str, parameters: Mapping[str, str]) -> "tuple[findings.Findings, Members | None]":
    """What is found at a path, with a bar on standard error; no members where nothing can be read."""
    from botocore.exceptions import ClientError

    from batch_prediction.archives.ranges import ArchiveError
    from cli.check.findings import Findings, examine
    from cli.check.places import members_of

    try:
        members = members_of(path)
    except ArchiveError as error:
        return Findings(path, refused=str(error)), None
    try:
        with looking(f"Looking at {path[-40:]}") as bar:
            return examine(path, members, int(parameters["MaxImages"]), bar), members
    except ClientError as error:
        return Findings(path, refused=f"{path}: expected objects that can be read, found: {error}"), None


@contextmanager
def looking(what: str) -> "Iterator[findings.Progress]":
    """A bar of images on standard error, so that programs can read standard output."""
    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
