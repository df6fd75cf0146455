"""`digits reports`: the deployed stack's reports, in the terminal and in the browser."""

import json
import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from batch_prediction.layout import REPORTS, Run
from batch_prediction.report.content import IndexEntry, LabelledEntry
from cli import stack, summary
from cli.errors import CommandError, Commands
from cli.files import fetch

app = typer.Typer(cls=Commands, invoke_without_command=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@app.callback()
def reports(
    context: typer.Context,
    stack_name: stack.StackName = stack.NAME,
    limit: Annotated[int, typer.Option(help="List at most this many runs, the newest.", min=1)] = 20,
    as_json: AsJson = False,
) -> None:
    """List the runs, newest first; `digits reports show BATCH` shows one of them."""
    if context.invoked_subcommand:  # `digits reports --stack NAME show BATCH` means that stack
        context.default_map = {context.invoked_subcommand: {"stack_name": stack_name}}
        return
    deployed = stack.find(stack_name)
    from batch_prediction.report import (
        index,  # its dependencies are missing in the environment that only downloads data sets
    )

    runs = index.described(index.read(stack.client("s3"), deployed.bucket).runs)
    if as_json:
        typer.echo(json.dumps(runs[:limit], indent=2))
        return
    console = Console()
    if not runs:
        console.print(f"No run of the stack {deployed.name} has a report yet.", highlight=False)
        return
    _list(console, runs, limit)
    if len(runs) > limit:
        console.print(f"{len(runs) - limit:,} more: --limit {len(runs)} lists them all.", highlight=False)


@app.command()
def show(
    batch: Annotated[str, typer.Argument(help="The batch: its folder below incoming/.", metavar="BATCH")],
    stack_name: stack.StackName = stack.NAME,
    run: Annotated[str | None, typer.Option(help="A run of the batch; by default the newest.")] = None,
    open_page: Annotated[
        bool, typer.Option("--open", help="Download the report's files, and open its page in the browser.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Download the report's files into this folder; by default --open takes out/.",
            file_okay=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the summary of a batch's report."""
    deployed, s3 = stack.find(stack_name), stack.client("s3")
    if waits := _waiting(s3, deployed.bucket, batch.strip("/"), run):
        typer.echo(json.dumps(waits) if as_json else f"{waits['batch']} {waits['waits']}.")
        return
    found = chosen(s3, deployed.bucket, batch.strip("/"), run)
    body = report(s3, deployed.bucket, found)
    if as_json:
        typer.echo(body)
    else:
        summary.show(Console(), json.loads(body))
    if open_page or out:
        out = out or Path("out")
        fetch(s3, deployed.bucket, found.report_prefix, out)
        page = (out / found.page).resolve()
        opened = not open_page or webbrowser.open(page.as_uri())
        typer.echo(f"{page}{'' if opened else ': no browser was found, open it yourself'}", err=as_json)


def _waiting(s3: Any, bucket: str, batch: str, wanted: str | None) -> IndexEntry | None:
    """The requested run of a batch, or its newest one, if it waits; None else."""
    from batch_prediction.report import index
    from batch_prediction.report.content import WAITING

    runs = (run for run in index.read(s3, bucket).runs if run["batch"] == batch)
    found = next((run for run in runs if wanted in (None, run["run"])), None)
    return found if found and found["status"] == WAITING else None


def report(s3: Any, bucket: str, run: Run) -> str:
    """The content of a run's report.json."""
    body: bytes = s3.get_object(Bucket=bucket, Key=run.report)["Body"].read()
    return body.decode()


def chosen(s3: Any, bucket: str, batch: str, wanted: str | None) -> Run:
    """The requested run of a batch, or its newest one that has a report."""
    runs = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{REPORTS}{batch}/"):
        keys = (Run.of_report(entry["Key"]) for entry in page.get("Contents", []))
        runs += [run for run in keys if run and run.batch == batch]
    matching = [run for run in runs if wanted in (None, run.id)]
    if not matching:
        others = ", ".join(sorted(run.id for run in runs)[-5:])
        raise CommandError(
            f"s3://{bucket}/{REPORTS}{batch}/: expected a report{f' of the run {wanted}' if wanted else ''}, "
            f"found {f'those of {others}' if others else 'none'}. `digits reports` lists all; a report "
            "appears some minutes after the batch's manifest is uploaded"
        )
    return max(matching, key=lambda run: run.id)


def _list(console: Console, runs: list[IndexEntry], limit: int) -> None:
    """Two lines a run, of 80 columns: batches have long names, which stay whole to be copied."""
    from batch_prediction.report import changes, headline

    console.print("[bold]accuracy  95 % interval   change  model  outcome[/bold]", highlight=False)
    for row in changes.rows(runs)[:limit]:
        run, outcome = row.run, headline.of_entry(row.run)
        uploaded = f"{Run(run['batch'], run['run']).uploaded:%Y-%m-%d %H:%M}"
        console.print(Text.assemble(f"{uploaded} UTC  ", (run["batch"], "bold")), soft_wrap=True)
        accuracy, interval = _accuracy(run)
        change = "" if row.change is None else f"{row.change * 100:+.2f}"
        model = "–" if run["model_version"] is None else str(run["model_version"])
        console.print(
            Text.assemble(
                f"{accuracy:>8}  {interval:<14}  ",
                (f"{change:>6}", "bold" if row.clear else ""),
                f"  {model:>5}  ",
                (f"{outcome.mark} {outcome.text}", summary.COLOURS[outcome.tone]),
            ),
            soft_wrap=True,
        )
        if waits := run.get("waits"):
            console.print(Padding(Text(waits), (0, 0, 0, 2)))
    console.print("Change: against the batch's labelled run before, in points.", highlight=False)


def _accuracy(run: IndexEntry | LabelledEntry) -> tuple[str, str]:
    """A run's accuracy and its interval, or what is known without labels."""
    if run["low"] is not None and run["high"] is not None and run["accuracy"] is not None:
        return f"{run['accuracy']:.2%}", f"{run['low'] * 100:.2f}–{run['high']:.2%}"
    if estimate := run.get("estimate"):
        return f"≈ {estimate['value']:.1%}", "estimated"
    if run["scored"]:
        return "–", "bad labels" if run.get("bad_labels") else "no labels"
    return "–", ""
