"""`digits models`: the model packages with their metrics, and the approval that gates their use."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from cli import packages, stack
from cli.packages import APPROVED, REJECTED, Package

app = typer.Typer()

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Version = Annotated[str, typer.Argument(help="A version such as 3, or its ARN.", metavar="VERSION")]
Reason = Annotated[str, typer.Option("--reason", help="Why; stored with the package.", metavar="TEXT")]


@app.callback(invoke_without_command=True)
def models(
    context: typer.Context,
    stack_name: stack.StackName = stack.NAME,
    as_json: AsJson = False,
    limit: Annotated[int, typer.Option(help="List at most this many versions, the newest.", min=1)] = 20,
) -> None:
    """List the model packages, newest first; or approve, reject or show one.

    The newest Approved version, marked with an arrow, scores the batches.
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return
    sagemaker, found = stack.client("sagemaker"), stack.find(stack_name)
    listed = packages.summaries(sagemaker, found.group)
    console = Console()
    with Console(stderr=True).status("Reading the registry"):
        shown = [packages.describe(sagemaker, entry["ModelPackageArn"]) for entry in listed[:limit]]
    if as_json:
        _print_json([package.summary() for package in shown])
        return
    if not shown:
        console.print(f"The group {found.group} has no model package yet: train a model first.")
        return
    _print(console, found.group, shown, packages.scoring_version(listed))
    if len(listed) > limit:
        console.print(f"{len(listed) - limit:,} more: --limit {len(listed)} shows all.")


@app.command()
def show(version: Version, stack_name: stack.StackName = stack.NAME, as_json: AsJson = False) -> None:
    """Show everything about one version: metrics, hyperparameters, objects in S3."""
    sagemaker, found = stack.client("sagemaker"), stack.find(stack_name)
    arn = packages.find(packages.summaries(sagemaker, found.group), found, version)
    known = packages.describe(sagemaker, arn).summary()
    if as_json:
        _print_json(known)
        return
    table = Table(show_header=False, title=f"{found.group}, version {known['version']}", title_justify="left")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    details = {**known.pop("metadata"), **known.pop("environment")}
    for name, value in known.items():
        if value is not None:
            table.add_row(name.replace("_", " "), _plain(value))
    table.add_section()
    for name, value in sorted(details.items()):
        if name not in known:
            table.add_row(_plain(name), _plain(value))
    Console().print(table, highlight=False)


@app.command()
def approve(version: Version, reason: Reason, stack_name: stack.StackName = stack.NAME) -> None:
    """Approve a version. It scores batches unless a newer one is Approved."""
    _decide(version, APPROVED, reason, stack_name)


@app.command()
def reject(version: Version, reason: Reason, stack_name: stack.StackName = stack.NAME) -> None:
    """Reject a version: the newest one still Approved scores batches."""
    _decide(version, REJECTED, reason, stack_name)


def _decide(version: str, status: str, reason: str, stack_name: str) -> None:
    kept = packages.reason_of(reason)
    sagemaker, found = stack.client("sagemaker"), stack.find(stack_name)
    listed = packages.summaries(sagemaker, found.group)
    package = packages.describe(sagemaker, packages.find(listed, found, version))
    packages.decide(sagemaker, package, status, kept)
    before, after = (
        packages.scoring_version(entries)
        for entries in (
            listed,
            [_as_decided(entry, package, status) for entry in listed],
        )
    )
    console = Console()
    console.print(f"Version {package.version} is {status}.", highlight=False)
    if after is None:
        outcome = "No version is Approved: batches are refused, in a report, until one is."
    elif after == before:
        outcome = f"Version {after} scores the batches, as before."
    else:
        outcome = f"Version {after} scores the batches dropped from now on."
    console.print(outcome, highlight=False, soft_wrap=True)


def _as_decided(entry: dict[str, Any], package: Package, status: str) -> dict[str, Any]:
    same = entry["ModelPackageArn"] == package.described["ModelPackageArn"]
    return entry | {"ModelApprovalStatus": status} if same else entry


def _refuse_options(context: typer.Context) -> None:
    for parameter in context.command.params:
        given = context.get_parameter_source(str(parameter.name))
        if given is not None and given.name == "COMMANDLINE":
            option, command = parameter.opts[0], context.invoked_subcommand
            raise typer.BadParameter(f"{option}: put it after `{command}`", ctx=context)


def _print(console: Console, group: str, shown: list[Package], scoring: int | None) -> None:
    """Some lines a version, of 80 columns: names of jobs are long, and stay whole to be copied."""
    console.print(f"[bold]model packages of {_plain(group)}[/bold]", highlight=False, soft_wrap=True)
    for package in shown:
        known = package.summary()
        lines = [
            f"[bold]{'→' if package.version == scoring else ' '} {package.version}[/bold]  "
            f"{known['approval_status']}, {package.described['CreationTime']:%Y-%m-%d %H:%M %Z}",
            f"test accuracy {_percent(known['test_accuracy'])}, of the model itself",
            *_validation(known),
            f"trained by {_plain(known['training_job'] or '–')}",
            f"sha256 {(known['artifact_sha256'] or '–')[:12]}",
        ]
        for number, line in enumerate(lines):
            console.print(f"{'    ' if number else ''}{line}", highlight=False, soft_wrap=True)
        console.print(Padding(_plain(known["reason"] or "–"), (0, 0, 0, 4)), highlight=False)
        console.print()


def _validation(known: dict[str, Any]) -> list[str]:
    """Validation accuracy and calibration: of the trial, as a final training holds no images out."""
    accuracy, error = known["validation_accuracy"], known["expected_calibration_error"]
    trial = known["metadata"].get("best_trial")
    whose = f"of its trial {_plain(trial)}" if trial else "of the model itself"
    figures = f"validation accuracy {_percent(accuracy)}, ECE {'–' if error is None else f'{error:.4f}'}"
    return [f"{figures},", whose] if trial else [f"{figures}, {whose}"]


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.2%}"


def _plain(value: Any) -> str:
    """Text that the terminal shows literally, brackets included."""
    return escape(str(value))


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2))
