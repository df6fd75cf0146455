"""Which Lambda Runtime and architecture this machine can run."""

import platform
import sys

from localcloud.lambda_.errors import UnsupportedRuntimeError

ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "arm64": "arm64", "aarch64": "arm64"}


def runtime() -> str:
    """Lambda's name of the Runtime that this interpreter is, such as `python3.13`."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def architecture() -> str:
    """Lambda's name of this machine's processor, `x86_64` or `arm64`."""
    machine = platform.machine().lower()
    if machine not in ARCHITECTURES:
        raise UnsupportedRuntimeError(
            f"Lambda knows the processors x86_64 and arm64, but this machine has {machine!r}."
        )
    return ARCHITECTURES[machine]


def refuse_unsupported(what: str, wanted_runtime: str, wanted_architecture: str) -> None:
    """Raise UnsupportedRuntimeError when `what` needs another interpreter or processor than there is.

    A function's packages are compiled for one Python version and one processor.
    """
    if wanted_runtime != runtime():
        raise UnsupportedRuntimeError(
            f"{what} has the Runtime {wanted_runtime!r}, but the local cloud runs functions with its own "
            f"interpreter, {runtime()}. Pass PythonRuntime={runtime()}, or start it with {wanted_runtime}."
        )
    if wanted_architecture != architecture():
        raise UnsupportedRuntimeError(
            f"{what} is made for {wanted_architecture!r}, but this machine is {architecture()}. "
            f"Pass Architecture={architecture()}."
        )
