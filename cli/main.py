"""The `digits` command."""

import signal
import sys
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from cli import dataset, models, project, reports
from cli.check.command import check
from cli.cost import cost
from cli.doctor import doctor
from cli.drop.command import drop
from cli.errors import Commands
from cli.prove.command import prove
from cli.stages import StageError
from cli.tune import tune
from training.datasets import BATCH

app = typer.Typer(
    cls=Commands,
    help="Digit Batch: drop handwritten digits into S3, read there how well the newest approved model reads.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


class Model(StrEnum):
    """The models that `digits up` can have ready."""

    DEMO = "demo"


@app.callback()
def digits() -> None:
    """The group of all commands."""


app.command()(check)
app.command()(drop)
app.command("dataset")(dataset.upload)
app.add_typer(models.app, name="models")
app.add_typer(reports.app, name="reports")


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder to copy the reports into.", file_okay=False)] = Path(
        "out"
    ),
    images: Annotated[
        int, typer.Option(help="Images to drop as a batch; training uses none of them.", min=1, max=BATCH)
    ] = BATCH,
    seed: Annotated[int, typer.Option(help="Seed of the data split and of the training.", min=0)] = 0,
    keep_running: Annotated[
        bool,
        typer.Option("--keep-running", help="Keep the local cloud running after the report, until Ctrl-C."),
    ] = False,
) -> None:
    """Run the whole workflow on this machine, without an AWS account or Docker.

    Starts the local cloud, deploys template.yaml, tunes on real MNIST, trains the
    best model on all images, drops a batch of images and reads its accuracy
    report: about a minute on two cores.

    The environment variable MNIST_DIR may name a folder with all of MNIST (four
    IDX files); without it, a sample of 5,000 images is used.
    """
    project.require_local("demo")
    from cli.demo import run  # importing torch and moto takes seconds, which `--help` needn't wait for

    _exit_cleanly()
    try:
        run(Console(), out, images, seed, keep_running)
    except StageError as error:
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(130) from error


@app.command()
def up(
    port: Annotated[int, typer.Option(help="Port of 127.0.0.1 to listen on.", min=1, max=65535)] = 4566,
    deploy: Annotated[
        bool, typer.Option(help="Deploy template.yaml, or start with an empty account.")
    ] = True,
    state: Annotated[
        Path | None,
        typer.Option(
            help="Folder that keeps the account, and what is under way, for the next start.", file_okay=False
        ),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            help="A parameter of template.yaml, such as WaitForImagesMinutes=1; repeatable.",
            metavar="NAME=VALUE",
        ),
    ] = None,
    model: Annotated[
        Model | None,
        typer.Option(
            help="Have a model ready: `demo` trains the demo's sample once, and keeps it with the state, or "
            "in your cache."
        ),
    ] = None,
    logs: Annotated[
        bool,
        typer.Option("--logs", help="Show every event, invocation and line of a log, instead of sentences."),
    ] = False,
) -> None:
    """Run the local cloud on a port, for `aws`, `sam` and boto3, until Ctrl-C.

    Prints the variables to export, and then in sentences what happens to the
    batches, the models and the stack, and what a role's policies deny.
    """
    project.require_local("up")
    from cli.up import run  # importing moto takes a second, which `--help` needn't wait for

    _exit_cleanly()
    try:
        run(Console(), port, deploy, state, logs, parameter or [], model)
    except StageError as error:
        raise typer.Exit(1) from error


app.command()(tune)
app.command()(doctor)
app.command()(cost)
app.command()(prove)


def _exit_cleanly() -> None:
    """Make SIGTERM and SIGHUP stop the local cloud and its children before the command, as Ctrl-C does."""

    def leave(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)  # only once: the clean-up takes a moment
        sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores it
            signal.signal(number, leave)


if __name__ == "__main__":
    app()
