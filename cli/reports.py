"""`digits reports`: the deployed stack's reports, in the terminal and in the browser."""

import json
import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from batch_prediction.layout import REPORTS, Run
from batch_prediction.report.content import IndexEntry
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

    runs = index.read(stack.client("s3"), deployed.bucket).runs
    if as_json:
        typer.echo(json.dumps(runs[:limit], indent=2))
        return
    console = Console()
    if not runs:
        console.print(f"No run of the stack {deployed.name} has a report yet.", highlight=False)
        return
    console.print(_table(runs, limit))
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
        Path, typer.Option(help="Folder that --open downloads the files into.", file_okay=False)
    ] = Path("out"),
    as_json: AsJson = False,
) -> None:
    """Print the summary of a batch's report."""
    deployed, s3 = stack.find(stack_name), stack.client("s3")
    found = chosen(s3, deployed.bucket, batch.strip("/"), run)
    body = report(s3, deployed.bucket, found)
    if as_json:
        typer.echo(body)
    else:
        summary.show(Console(), json.loads(body))
    if open_page:
        fetch(s3, deployed.bucket, found.report_prefix, out)
        page = (out / found.page).resolve()
        opened = webbrowser.open(page.as_uri())
        typer.echo(f"{page}{'' if opened else ': no browser was found, open it yourself'}", err=as_json)


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


def _table(runs: list[IndexEntry], limit: int) -> Table:
    from batch_prediction.report.charts import rows

    table = Table(
        "uploaded (UTC)", "batch", "status", "accuracy", "95 % interval", "change", "scored", "model"
    )
    for row in rows(runs)[:limit]:
        run = row.run
        labelled = run["accuracy"] is not None
        change = "" if row.change is None else f"{row.change:+.2f}"
        table.add_row(
            f"{Run(run['batch'], run['run']).uploaded:%Y-%m-%d %H:%M}",
            escape(run["batch"]),
            escape(run["status"]) if run["status"] == "Completed" else f"[red]{escape(run['status'])}[/red]",
            f"{run['accuracy']:.2%}" if labelled else "–",
            f"{run['low']:.2%} – {run['high']:.2%}" if labelled else "",
            f"[bold]{change}[/bold]" if row.clear else change,
            f"{run['scored']:,} of {run['expected']:,}",
            "–" if run["model_version"] is None else str(run["model_version"]),
        )
    return table
