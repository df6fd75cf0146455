"""`digits up`: the local cloud on a port of this machine, and its activity, live."""

import contextlib
import threading
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from cli import samconfig
from cli.errors import CommandError
from cli.project import CACHE, SAMCONFIG, TEMPLATE
from localcloud.assembly import local_cloud
from localcloud.cloudformation.errors import TemplateError
from localcloud.core.activity import Activity
from localcloud.core.cloud import Cloud, CloudError
from localcloud.core.isolation import OPERATOR
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


def run(console: Console, port: int, deploying: bool, state: Path | None, logs: bool) -> None:
    """Run the local cloud until Ctrl-C; CommandError if it can't start or deploy."""

    def show(activity: Activity) -> None:
        if activity.kind == "log" and not logs:
            return
        colour = COLOURS.get(activity.kind, "yellow")
        console.print(
            f"[dim]{activity.at:%H:%M:%S}[/dim] [{colour}]{activity.kind:<12}[/{colour}] "
            f"[bold]{escape(activity.name)}[/bold] {escape(activity.text)}",
            soft_wrap=True,
            highlight=False,
        )

    try:
        with local_cloud(show, port=port, state=state) as cloud:
            outputs = _deploy(cloud) if deploying else {}
            console.print(_welcome(cloud, outputs), soft_wrap=True, highlight=False)
            with contextlib.suppress(KeyboardInterrupt):  # how a user stops it
                threading.Event().wait()
    except (CloudError, DeployError, UnsupportedRuntimeError, PackageError, TemplateError) as error:
        raise CommandError(str(error)) from error
    console.print("The local cloud has stopped.")


def _deploy(cloud: Cloud) -> dict[str, str]:
    configured = samconfig.read(SAMCONFIG, "local")
    return deploy(cloud, TEMPLATE, configured.stack_name, configured.parameters, CACHE)


def _welcome(cloud: Cloud, outputs: dict[str, str]) -> str:
    variables = {"AWS_ENDPOINT_URL": cloud.endpoint_url, "AWS_DEFAULT_REGION": cloud.region, **OPERATOR}
    lines = [
        "",
        f"The local cloud is up at {cloud.endpoint_url} until Ctrl-C. In another terminal:",
        "  export " + " ".join(f"{name}={value}" for name, value in variables.items()),
    ]
    if outputs:
        lines += [f"  aws s3 ls s3://{outputs['BucketName']} --recursive", ""]
        lines += [f"  {name:<24} {value}" for name, value in sorted(outputs.items())]
    else:
        lines += [
            "  sam build && sam deploy --no-confirm-changeset --parameter-overrides "
            f"Name=digits PythonRuntime={runtime()} Architecture={architecture()}",
        ]
    return "\n".join([*lines, ""])
