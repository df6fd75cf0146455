"""`digits drop`: a batch from this machine into the bucket, and its run to the report."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn

from cli import stack as stacks
from cli.check.command import PARAMETERS, examined
from cli.errors import CommandError
from cli.stages import StageError, Stages

if TYPE_CHECKING:
    from cli.check import findings
    from cli.drop.dropped import Dropped

_INTERRUPTED = 130  # as shells have it: 128 and SIGINT's number


def drop(
    path: Annotated[
        Path | None,
        typer.Argument(
            help="A folder, an archive (.zip, .tar, .tar.gz, .tgz) or a manifest.", metavar="PATH"
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="The batch's name; by default that of the folder or archive.", metavar="BATCH"),
    ] = None,
    loose: Annotated[
        bool, typer.Option("--loose", help="Upload each image by itself, and the manifest last.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Follow the run to its report, and print that.")
    ] = False,
    from_mnist: Annotated[
        int | None,
        typer.Option(
            help="Instead of PATH: so many test images of MNIST (MNIST_DIR, or a sample).", min=1, metavar="N"
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Start another run of a batch that is there already.")
    ] = False,
    stack_name: stacks.StackName = stacks.NAME,
) -> None:
    """Check a batch as `digits check` does, and drop it: its run starts by itself.

    A folder is packed into one archive, incoming/<name>.zip; with --loose its
    images become objects below incoming/<name>/. An archive is uploaded as it is.

    What is there already isn't uploaded again, so the same command goes on after
    an interruption. Another content under the same name is another run.

    Exit status: 0 when it was dropped, with --wait when all its images have been
    scored; 2 when it would be refused as a whole; 130 after Ctrl-C; else 1.
    """
    if path is not None and str(path).startswith("s3:/"):
        raise CommandError(
            f"{path}: expected a path on this machine, found one in S3: copy it below incoming/ by aws s3 cp"
        )
    if path is not None and from_mnist is None:
        deployed = stacks.find(stack_name)
        _drop(deployed, path, str(path), name or _name_of(path), loose, wait, again)
    elif path is None and from_mnist is not None:
        from cli.drop import mnist

        deployed = stacks.find(stack_name)
        with tempfile.TemporaryDirectory() as folder:
            mnist.write(Path(folder), from_mnist)
            name = name or f"mnist-{from_mnist}"
            _drop(deployed, Path(folder), "test images of MNIST", name, loose, wait, again)
    else:
        raise CommandError("digits drop: expected PATH or --from-mnist N, found both or neither")


def _drop(
    deployed: stacks.Stack, path: Path, shown: str, name: str, loose: bool, wait: bool, again: bool
) -> None:
    from cli.check import printed
    from cli.check.expected import expected
    from cli.check.folder import FolderMembers
    from cli.drop.dropped import Target, ending_of, key_of

    console, is_archive = Console(), path.is_file() and _is_archive(path)
    if loose and is_archive:
        raise CommandError(f"{path}: expected a folder with --loose, found an archive: leave --loose out")
    try:
        key = key_of(name, "" if loose else ending_of(path))
    except ValueError as error:
        raise CommandError(f"{error}. Choose a name with --name") from error
    bars, there = _Bars(), "nothing was uploaded"
    try:
        parameters = {each: deployed.parameter(each) for each in PARAMETERS}
        found, members = examined(str(path), parameters)
        found.path, requests = shown, None if loose else found.requests
        printed.show(console, found, None if found.refused else expected(found.images, requests, parameters))
        if found.refused:
            raise typer.Exit(found.verdict)
        target = Target(stacks.client("s3"), deployed.bucket, key, again)
        there = f"s3://{deployed.bucket}/{key} isn't complete, so no run has started; what is there stays"
        if not isinstance(members, FolderMembers):
            dropped = target.drop_archive(path, bars)
        elif loose:
            dropped = target.drop_loose(members, found, bars)
        else:
            dropped = target.drop_packed(members, found, bars)
        console.print(f"s3://{deployed.bucket}/{dropped.key}", highlight=False, soft_wrap=True)
        console.print(f"{dropped.how}", highlight=False, soft_wrap=True)
        bars, there = _Bars(), "the batch is there, and its run goes on"
        _follow(console, deployed, dropped, wait)
    except KeyboardInterrupt as error:
        console.print(
            f"\nInterrupted{bars.last}: {there}. The same command goes on from there.",
            highlight=False,
            soft_wrap=True,
        )
        raise typer.Exit(_INTERRUPTED) from error
    except OSError as error:
        raise CommandError(f"{path}: expected files that stay as they are, found: {error}") from error


def _follow(console: Console, deployed: stacks.Stack, dropped: "Dropped", wait: bool) -> None:
    from cli import summary
    from cli.drop.following import follow

    run = dropped.run(stacks.client("s3"), deployed.bucket)
    if not wait:
        console.print(f"Its report, in some minutes: digits reports show {run.batch}", highlight=False)
        return
    try:
        with Stages(console).stage("Follow the run") as stage:
            report = follow(deployed, run, stage)
    except StageError as error:
        raise typer.Exit(1) from error
    summary.show(console, report)
    coverage = report["coverage"]
    if report["status"] != "Completed" or coverage["scored"] < coverage["expected"]:
        raise typer.Exit(1)


def _name_of(path: Path) -> str:
    """The default name of a batch: the archive's without its ending, or the folder's."""
    from cli.drop.dropped import ending_of

    if path.is_file():
        if _is_archive(path):
            return path.name[: -len(ending_of(path))]
        return path.resolve().parent.name
    return path.resolve().name


def _is_archive(path: Path) -> bool:
    from cli.check.places import is_archive

    return is_archive(path.name)


class _Bars:
    """A bar for each step, on standard error; `last` says how far the last one got."""

    def __init__(self) -> None:
        self.last = ""

    @contextmanager
    def __call__(self, what: str, in_bytes: bool = False) -> "Iterator[findings.Progress]":
        """Show a step's bar."""
        count = DownloadColumn() if in_bytes else MofNCompleteColumn()
        unit = "bytes" if in_bytes else "files"
        columns = TextColumn("{task.description}", markup=False), BarColumn(), count
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=None)

            def show(done: int, of: int) -> None:
                self.last = f" while {what.lower()}, after {done:,} of {of:,} {unit}"
                bar.update(task, completed=done, total=of)

            yield show
