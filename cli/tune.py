"""`digits tune`: search for hyperparameters; the stack then trains, registers and approves the best model."""

from dataclasses import replace
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from batch_prediction.layout import DATASETS
from cli import stack as stacks
from cli.errors import CommandError
from cli.search_of_stack import search_of
from cli.stack import Stack, StackName, client
from cli.stages import StageError

STOP = "aws sagemaker stop-hyper-parameter-tuning-job --hyper-parameter-tuning-job-name"


class Arch(StrEnum):
    """train.py's networks."""

    small = "small"
    base = "base"
    large = "large"


class Strategy(StrEnum):
    """How the next hyperparameters are chosen."""

    bayesian = "Bayesian"
    hyperband = "Hyperband"


def tune(
    dataset: Annotated[str, typer.Argument(help="Name of a data set below datasets/.", metavar="DATASET")],
    trials: Annotated[int, typer.Option(help="Training jobs to run at most.", min=1, max=750)] = 20,
    parallel: Annotated[int, typer.Option(help="Training jobs to run concurrently.", min=1, max=100)] = 2,
    arch: Annotated[Arch, typer.Option(help="Network architecture.")] = Arch.base,
    epochs: Annotated[int, typer.Option(help="Epochs per trial.", min=1, max=1000)] = 9,
    instance_type: Annotated[
        str | None,
        typer.Option(
            help="Instance type of the trials; by default the stack's TrainingInstanceType, which the final "
            "training always uses.",
            metavar="TYPE",
        ),
    ] = None,
    instance_count: Annotated[int, typer.Option(help="Instances per trial.", min=1, max=20)] = 1,
    strategy: Annotated[
        Strategy, typer.Option(case_sensitive=False, help="Hyperband stops weak trials early.")
    ] = Strategy.bayesian,
    spot: Annotated[
        bool,
        typer.Option("--spot", help="Train on spot instances: cheaper, may be interrupted and resumed."),
    ] = False,
    max_hours: Annotated[
        float,
        typer.Option(help="Hours after which the search ends; a trial ends after 2.", min=0.1, max=720),
    ] = 12.0,
    seed: Annotated[int, typer.Option(help="Seed of the search and of every trial.", min=1, max=2**31)] = 1,
    stack: StackName = stacks.NAME,
    wait: Annotated[
        bool, typer.Option("--wait", help="Show the trials live, then the final training and the package.")
    ] = False,
) -> None:
    """Search for the best hyperparameters with a SageMaker tuning job.

    Starts the job and returns. When the job has ended, the stack trains a model
    with the best hyperparameters on all training images, and registers it.

    Trials are compared by their accuracy on held-out training images. The search
    doesn't use the test set.
    """
    console = Console()
    found = stacks.find(stack)
    training = _training_images(console, found, dataset)
    instance = instance_type or found.parameter("TrainingInstanceType")
    with console.status("Uploading the code, starting the tuning job"):
        from training import tune  # importing the SageMaker SDK takes seconds

        search = replace(
            search_of(found, training, instance),
            arch=arch.value,
            epochs=epochs,
            seed=seed,
            instance_count=instance_count,
            trials=trials,
            parallel=parallel,
            strategy=strategy.value,
            max_seconds=round(3600 * max_hours),
            spot=spot,
        )
        tune.start(search)
    console.print(
        f"[green]✓[/green] Started [bold]{search.name}[/bold]: {trials} trials of {arch} on {dataset}, "
        f"{min(parallel, trials)} at a time, {instance_count} × {instance}, {search.strategy}.\n"
        "You don't have to wait: when it has ended, the stack trains the best model on all images "
        f"({search.name}-final), and registers it in the group {found.group}.",
        highlight=False,
        soft_wrap=True,
    )
    if wait:
        _follow(console, found, search.name)


def _follow(console: Console, stack: Stack, tuning_job: str) -> None:
    from cli.watching import follow

    try:
        follow(console, stack, tuning_job)
    except StageError as error:
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        console.print(
            f"\n{tuning_job} and the steps after it continue without this terminal. To stop the search:\n"
            f"  {STOP} {tuning_job}",
            highlight=False,
            soft_wrap=True,
        )
        raise typer.Exit(130) from error


def _training_images(console: Console, stack: Stack, dataset: str) -> str:
    """The `s3://` prefix of a data set's training images; CommandError if it isn't in the bucket."""
    prefix = f"{DATASETS}{dataset}/"
    if not _has_objects(stack, f"{prefix}training/"):
        existing = ", ".join(_names(stack)) or "none"
        raise CommandError(
            f"data set {dataset}: expected training images below s3://{stack.bucket}/{prefix}training/, "
            f"found none. Data sets in the bucket: {existing}. Upload one with `digits dataset {dataset}`"
        )
    if not _has_objects(stack, f"{prefix}test/"):
        console.print(
            f"[yellow]![/yellow] s3://{stack.bucket}/{prefix}test/ is empty: without test images the model "
            "will need a person's approval.",
            highlight=False,
            soft_wrap=True,
        )
    return f"s3://{stack.bucket}/{prefix}training/"


def _has_objects(stack: Stack, prefix: str) -> bool:
    response = client("s3").list_objects_v2(Bucket=stack.bucket, Prefix=prefix, MaxKeys=1)
    return bool(response.get("Contents"))


def _names(stack: Stack) -> list[str]:
    """The names of the data sets in the bucket, at most a thousand."""
    response = client("s3").list_objects_v2(Bucket=stack.bucket, Prefix=DATASETS, Delimiter="/")
    return [
        entry["Prefix"].removeprefix(DATASETS).rstrip("/") for entry in response.get("CommonPrefixes", [])
    ]
