"""`digits dataset`: a data set to train on: downloaded or read, checked, and uploaded to the bucket."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from cli import stack
from cli.errors import CommandError

if TYPE_CHECKING:
    from training.datasets import DataSet
    from training.upload import Uploaded


def upload(
    name: Annotated[
        str | None,
        typer.Argument(
            help="mnist, emnist-digits, qmnist, kmnist or fashion-mnist; with --from: any name.",
            metavar="NAME",
        ),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Read this folder instead: IDX files, or folders 0 to 9 of PNG or JPEG images, optionally "
            "in training/ and test/.",
            exists=True,
            file_okay=False,
            metavar="DIR",
        ),
    ] = None,
    rename: Annotated[
        str | None,
        typer.Option(
            "--name", help="Name in the bucket; by default NAME, or the name of DIR.", metavar="NAME"
        ),
    ] = None,
    folder: Annotated[Path, typer.Option(help="Folder to keep downloads in.", file_okay=False)] = Path(
        ".cache/datasets"
    ),
    stack_name: stack.StackName = stack.NAME,
) -> None:
    """Upload a training data set to datasets/<name>/ in the bucket.

    It is downloaded or read from a folder, checked, and uploaded
    as gzipped IDX files. Files that are already there aren't uploaded again.

    datasets/<name>/dataset.json, written last, describes it. Without test/, one
    image in seven becomes a test image.

    Where the variable MNIST_DIR names a folder with MNIST's four IDX files, mnist
    is read from there, and nothing is downloaded.
    """
    from batch_prediction.layout import dataset as prefix_of
    from training.checks import check
    from training.container.data import DataError
    from training.fetch import PUBLISHED
    from training.upload import UploadError

    if source is None and name not in PUBLISHED:
        raise CommandError(
            f"data set: expected one of {', '.join(PUBLISHED)}, or --from DIR, found {name or 'neither'}"
        )
    chosen = rename or name or (source or Path()).resolve().name
    console = Console()
    try:
        prefix = prefix_of(chosen)
    except ValueError as error:
        raise CommandError(f"{error}. Choose one with --name") from error
    found = stack.find(stack_name)  # before anything is downloaded
    try:
        dataset = _read(console, chosen, name, source, folder)
        for warning in check(dataset):
            console.print(f"[yellow]Warning:[/yellow] {escape(warning)}", highlight=False, soft_wrap=True)
        uploaded = _upload(console, found.bucket, dataset)
    except (DataError, FileNotFoundError, UploadError) as error:
        raise CommandError(str(error)) from error
    for channel, digits in dataset.channels.items():
        console.print(
            f"{uploaded.channels[channel]}  {len(digits):,} images", highlight=False, soft_wrap=True
        )
    sent = ", ".join(key.removeprefix(prefix) for key in uploaded.sent)
    console.print(
        f"uploaded: {sent or 'nothing, everything was there already'}", highlight=False, soft_wrap=True
    )
    console.print(f"sha256: {uploaded.sha256}", highlight=False, soft_wrap=True)


def _read(console: Console, chosen: str, name: str | None, source: Path | None, folder: Path) -> "DataSet":
    from dataclasses import replace

    from training import fetch, folders
    from training.datasets import whole_mnist

    if source is None and name == "mnist" and (there := os.environ.get("MNIST_DIR")):
        return replace(whole_mnist(Path(there)), name=chosen)
    if source is None:
        with _transfers(console) as show:
            downloaded = fetch.fetch(str(name), folder, lambda *done: show("Downloading", *done))
        return replace(downloaded, name=chosen)
    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(f"Reading {source}", total=None)
        return folders.read(source, chosen, lambda done, of: bar.update(task, completed=done, total=of))


def _upload(console: Console, bucket: str, dataset: "DataSet") -> "Uploaded":
    from training.upload import upload

    with _transfers(console) as show:
        return upload(stack.client("s3"), bucket, dataset, lambda *sent: show("Uploading", *sent))


@contextmanager
def _transfers(console: Console) -> Iterator[Callable[[str, str, int, int | None], None]]:
    """A function that shows, in a bar of its own, how many bytes of which file are done."""
    tasks: dict[str, TaskID] = {}
    columns = TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn()
    with Progress(*columns, console=console) as bar:

        def show(what: str, name: str, done: int, of: int | None) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(f"{what} {name}", total=None)
            bar.update(tasks[name], completed=done, total=of)

        yield show
