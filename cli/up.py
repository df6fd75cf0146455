"""`digits up`: the local cloud on a port of this machine, and its activity, live."""

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from batch_prediction.models.registry import newest_approved
from cli import ready_model, samconfig
from cli.errors import CommandError
from cli.exports import export_lines
from cli.project import CACHE, SAMCONFIG, TEMPLATE
from cli.samconfig import Deployment
from cli.sentences import Sentences
from cli.stack import Stack
from localcloud.assembly import local_cloud
from localcloud.cloudformation.errors import TemplateError
from localcloud.cloudformation.sam import parse, resolve_parameters
from localcloud.core.activity import Activity
from localcloud.core.cloud import Cloud, CloudError
from localcloud.deploy import DeployError, deploy
from localcloud.lambda_.errors import UnsupportedRuntimeError
from localcloud.lambda_.runtime import architecture, runtime
from localcloud.packaging import PackageError

COLOURS = {
    "denial": "bold red",
    "event": "cyan",
    "function": "green",
    "job": "magenta",
    "log": "dim",
    "stack": "dim",
}


class Display:
    """Shows activities on a console: as sentences, or raw, each line of a log included."""

    def __init__(self, console: Console, raw: bool) -> None:
        self._console = console
        self._raw = raw
        self._sentences = Sentences()
        self._status: Status | None = None

    def show(self, activity: Activity) -> None:
        """Show one activity, from whichever thread."""
        if self._raw:
            self._show_raw(activity)
            return
        sentence = self._sentences.of(activity)
        if sentence is not None:
            self.say(activity.at, sentence, "bold red" if activity.kind == "denial" else "")
        if self._status is not None and (count := self._sentences.resources(activity.name)):
            self._status.update(f"Deploying {escape(activity.name)}: {count} resources")

    def say(self, at: datetime, sentence: str, style: str = "") -> None:
        """Print a sentence beside the time, wrapped where the terminal ends."""
        row = Table.grid(padding=(0, 2, 0, 0))
        row.add_column(no_wrap=True)
        row.add_column(overflow="fold")
        row.add_row(f"[dim]{at.astimezone():%H:%M:%S}[/dim]", escape(sentence), style=style)
        self._console.print(row)

    @contextmanager
    def deploying(self, name: str) -> Iterator[None]:
        """Show how far a deployment has come."""
        if self._raw:
            yield
            return
        with self._console.status(f"Deploying {escape(name)}") as self._status:
            try:
                yield
            finally:
                self._status = None

    def _show_raw(self, activity: Activity) -> None:
        colour = COLOURS.get(activity.kind, "yellow")
        self._console.print(
            f"[dim]{activity.at.astimezone():%H:%M:%S}[/dim] [{colour}]{activity.kind:<12}[/{colour}] "
            f"[bold]{escape(activity.name)}[/bold] {escape(activity.text)}",
            soft_wrap=True,
            highlight=False,
        )


def run(
    console: Console,
    port: int,
    deploying: bool,
    state: Path | None,
    logs: bool,
    parameters: Sequence[str],
    model: str | None = None,
) -> None:
    """Run the local cloud until Ctrl-C.

    CommandError if it can't start or deploy, StageError if the training of `model` fails.
    """
    deployment = _deployment(parameters, deploying)
    if model is not None and not deploying:
        raise CommandError("--model: expected a deployment, found --no-deploy. Leave one of them out")
    display = Display(console, logs)
    try:
        with local_cloud(display.show, port=port, state=state) as cloud:
            stack = _deploy(cloud, deployment, display) if deploying else None
            if stack and model:
                ready_model.provide(console, cloud, stack, state)
            console.print(_welcome(cloud, stack), soft_wrap=True, highlight=False)
            try:
                with contextlib.suppress(KeyboardInterrupt):  # how a user stops it
                    threading.Event().wait()
            finally:  # SIGTERM stops it, too
                if left := unfinished(cloud.unfinished(), state):
                    console.print(left, highlight=False)
    except (CloudError, DeployError, UnsupportedRuntimeError, PackageError, TemplateError) as error:
        raise CommandError(str(error)) from error
    console.print("The local cloud has stopped.")


def unfinished(counts: Mapping[str, int], state: Path | None) -> str:
    """What a cloud leaves that is stopped now, and whether it is lost; empty when nothing is under way."""
    if not counts:
        return ""
    things = [f"{count:,} {name}" + ("" if count == 1 else "s") for name, count in sorted(counts.items())]
    listed = " and ".join(filter(None, [", ".join(things[:-1]), things[-1]]))
    one = sum(counts.values()) == 1
    if state is None:
        return f"Unfinished: {listed} {'is' if one else 'are'} lost. Give --state DIR to keep such things."
    verbs = "is kept and goes" if one else "are kept and go"
    return f"Unfinished: {listed} {verbs} on at the next start with --state {state}."


def _deployment(given: Sequence[str], deploying: bool) -> Deployment:
    """What samconfig.toml deploys locally, with the given parameters; CommandError for a wrong one."""
    configured = samconfig.read(SAMCONFIG, "local")
    pairs = [text.partition("=") for text in given]
    for text, (name, equals, _) in zip(given, pairs, strict=True):
        if not equals or not name:
            raise CommandError(f"--parameter: expected NAME=VALUE, found {text!r}")
    if given and not deploying:
        raise CommandError("--parameter: expected a deployment, found --no-deploy. Leave one of them out")
    chosen = configured.parameters | {name: value for name, _, value in pairs}
    try:
        resolve_parameters(parse(TEMPLATE.read_text()), chosen)
    except TemplateError as error:
        raise CommandError(f"--parameter: {error}") from error
    return Deployment(configured.stack_name, chosen)


def _deploy(cloud: Cloud, deployment: Deployment, display: Display) -> Stack:
    with display.deploying(deployment.stack_name):
        outputs = deploy(cloud, TEMPLATE, deployment.stack_name, deployment.parameters, CACHE)
    return Stack(deployment.stack_name, outputs, deployment.parameters)


def _welcome(cloud: Cloud, stack: Stack | None) -> str:
    lines = [
        "",
        f"The local cloud is up at {cloud.endpoint_url} until Ctrl-C.",
        "In another terminal:",
        *export_lines(cloud, stack.name if stack else None),
    ]
    if stack is None:
        lines += [
            "  sam build && sam deploy --no-confirm-changeset --parameter-overrides \\",
            f"    Name=digits PythonRuntime={runtime()} Architecture={architecture()}",
            "",
        ]
        return "\n".join(lines)
    lines += [
        f"  aws s3 ls s3://{stack.bucket} --recursive",
        "",
        f"Batches are dropped at {stack.outputs['DropBatchesAt']}",
        f"and reports are read at {stack.outputs['ReadReportsAt']}",
        _about_model(cloud, stack),
        "",
    ]
    return "\n".join(lines)


def _about_model(cloud: Cloud, stack: Stack) -> str:
    """Which model reads them; what to do when there is none."""
    approved = newest_approved(cloud.client("sagemaker"), stack.group)
    if approved:
        return f"Model {approved.arn.rpartition('/')[2]} reads them."
    return (
        "No model is approved yet: `digits up --model demo` has one ready,\n"
        "`digits dataset mnist` and `digits tune` train one."
    )
