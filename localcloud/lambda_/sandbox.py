"""What a deployed function's process finds around it: its zip, the packages that Lambda provides, a runtime.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
"""

import io
import sys
import threading
import uuid
import zipfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from localcloud.lambda_.errors import SandboxError

# What a managed Python runtime holds; the first few are boto3 and what it needs.
PROVIDED = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "urllib3", "six")
RUNTIME_CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")
_filling = threading.Lock()  # functions share these folders, and may be invoked for the first time at once


def runtime_client_works() -> bool:
    """Whether awslambdaric and its compiled part are installed; they aren't on macOS."""
    return find_spec("awslambdaric") is not None and find_spec("runtime_client") is not None


def command(handler: str) -> list[str]:
    """The program of a worker: AWS's runtime client, or our own loop over the same API.

    -S leaves all site-packages out, -P the folder of the script.
    """
    interpreter = [getattr(sys, "_base_executable", None) or sys.executable, "-S", "-P", "-B"]
    if runtime_client_works():
        return [*interpreter, "-m", "awslambdaric", handler]
    return [*interpreter, str(Path(__file__).with_name("bootstrap.py")), handler]


def link_provided(folder: Path) -> Path:
    """Fill `folder` with links to the packages that Lambda provides, unless that has been done; return it.

    Raise SandboxError when one of them isn't installed.
    """

    def link(unfinished: Path) -> None:
        for name in PROVIDED + RUNTIME_CLIENT:
            try:
                found = distribution(name)
            except PackageNotFoundError as error:
                if name in RUNTIME_CLIENT:
                    continue  # `command` names our own loop then
                raise SandboxError(
                    f"Lambda provides the package {name}, but it is not installed here. Install boto3 and, "
                    "on Linux, awslambdaric."
                ) from error
            parts = {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}
            for top in parts:
                (unfinished / top).symlink_to(Path(str(found.locate_file(top))).resolve())

    return _fill_once(folder, link)


def unpack(function: Any, folder: Path) -> Path:
    """The folder below `folder` with a function's code; functions with the same zip share it.

    Raise SandboxError when the zip can't be read.
    """

    def extract(unfinished: Path) -> None:
        try:
            with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as archive:
                archive.extractall(unfinished)
        except zipfile.BadZipFile as error:
            raise SandboxError(
                f"The code of {function.function_name} isn't a readable zip: {error}. Deploy it again."
            ) from error

    name = "".join(character for character in function.code_sha_256 if character.isalnum())
    return _fill_once(folder / name, extract)


def _fill_once(folder: Path, fill: Callable[[Path], None]) -> Path:
    """Let the first caller fill a folder, which appears when it is complete; return it."""
    with _filling:
        if not folder.exists():
            unfinished = folder.with_name(uuid.uuid4().hex)
            unfinished.mkdir(parents=True)
            fill(unfinished)
            unfinished.rename(folder)
    return folder
