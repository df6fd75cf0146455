"""In a deployed function's child: each fault of a plan happens once, at the call site that it is planned for.

botocore loads this file into every client (BOTOCORE_EXPERIMENTAL__PLUGINS=planned=fault_plugin).
PLANNED_FAULTS names a folder with `sites.json`, a list of [file, function, operation]; of each site's visits
the first meet one kind of fault each. A fault that has happened is a file in that folder,
`<number of the site>-<kind>`: what the children of all functions have in common. Nothing but boto3 can be
imported here.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError, ReadTimeoutError

# In this order: what takes no effect leaves a second visit to what does.
BEFORE, AFTER = ("throttled", "failed", "timed-out", "crash-before"), ("answer-lost", "crash-after")
KINDS = (*BEFORE, *AFTER)
TRANSFERS = ("upload_file", "upload_fileobj")  # whose requests boto3 makes in its own threads
_CRASHED = 70  # an exit status


def initialize_client_plugin(client: Any) -> None:
    """Put the plan's faults around a client's requests and transfers: botocore calls this by its name."""
    plan = Plan(Path(os.environ["PLANNED_FAULTS"]), Path(os.environ["LAMBDA_TASK_ROOT"]))
    call = client._make_api_call
    client._make_api_call = lambda operation, parameters: plan.request(
        operation, lambda: call(operation, parameters)
    )
    for name in TRANSFERS:
        if hasattr(client, name):
            setattr(client, name, _transfer(plan, name, getattr(client, name)))


def _transfer(plan: "Plan", name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    def transfer(*given: Any, **options: Any) -> Any:
        try:
            return plan.request(name, lambda: original(*given, **options))
        except ClientError as error:
            if name == "upload_file":  # as boto3 does
                raise S3UploadFailedError(str(error)) from error
            raise

    return transfer


class Plan:
    """The folder of a plan, seen from a child whose code is at `root`."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.root = folder, root
        sites = json.loads((folder / "sites.json").read_text())
        self._numbers = {tuple(site): number for number, site in enumerate(sites)}

    def request(self, operation: str, effect: Callable[[], Any]) -> Any:
        """Make a request: its effect and its answer, or what a fault makes of them."""
        kind = self._next(operation)
        if kind in AFTER:
            with suppress(ClientError):
                effect()
        match kind:
            case None:
                return effect()
            case "crash-before" | "crash-after":
                os._exit(_CRASHED)
            case "timed-out" | "answer-lost":
                raise ReadTimeoutError(endpoint_url="planned")
            case "throttled":
                raise _refusal(operation, "ThrottlingException", 400)
            case _:
                raise _refusal(operation, "InternalFailure", 500)

    def _next(self, operation: str) -> str | None:
        """The fault that the request meets, from now on one that has happened."""
        number = self._site(operation)
        for kind in () if number is None else KINDS:
            with suppress(FileExistsError):
                (self.folder / f"{number}-{kind}").touch(exist_ok=False)
                return kind
        return None

    def _site(self, operation: str) -> int | None:
        """The number of the call site on the stack. A request from elsewhere is kept as a file, too."""
        ours = [(file, function, operation) for file, function in self._functions()]
        for site in ours:
            if site in self._numbers:
                return self._numbers[site]
        if ours:
            (self.folder / "-".join(("unknown", *ours[0])).replace("/", "-")).touch()
        return None

    def _functions(self) -> Iterator[tuple[str, str]]:
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            file = Path(frame.f_code.co_filename)
            if file.is_relative_to(self.root) and (
                file.parent == self.root or file.is_relative_to(self.root / "batch_prediction")
            ):
                yield f"functions/{file.relative_to(self.root)}", frame.f_code.co_name
            frame = frame.f_back


def _refusal(operation: str, code: str, status: int) -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": "planned"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, operation)
