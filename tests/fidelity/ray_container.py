"""A container of AWS's Ray Serve image, up to its adapter, as a shell and its process group."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.fidelity.ray_serve import free_ports

SECONDS = 240.0  # two starts of Ray and torch on a busy machine
# The order, and what runs in the background, are those of
# https://github.com/aws/deep-learning-containers/blob/main/scripts/docker/ray/sagemaker_entrypoint.sh.
# The trap stands for process 1, which a signal that it doesn't handle leaves alone. Ray's head is a child, to
# end with the rest.
SHELL = """
set -e
trap : TERM
ray() { "$PYTHON" -m ray.scripts.scripts "$@"; }
serve() { "$PYTHON" -m ray.serve.scripts "$@"; }
ray start --head --block --include-dashboard=False --temp-dir="$RAY_TMPDIR" --object-store-memory=100000000 \
    --port="$CLUSTER_PORT" --ray-client-server-port="$CLIENT_PORT" --num-cpus="$PROCESSORS" --num-gpus=0 &
until (echo > "/dev/tcp/127.0.0.1/$CLUSTER_PORT") 2>/dev/null; do sleep 1; done
serve start --http-host=127.0.0.1 --http-port="$HTTP_PORT"
"$PYTHON" -m ray.serve.scripts run "$SM_RAYSERVE_APP" &
sleep 2
echo "in the foreground: $*"
"$@"
"""


@dataclass(frozen=True)
class Ended:
    """How a container ended: its exit code, None when it had to be ended, and its log."""

    exit_code: int | None
    log: str


def run(
    artifact: Path, environment: Mapping[str, str], foreground: list[str], processors: int | None = None
) -> Ended:
    """Run a container over an unpacked artifact until it ends; `foreground` takes the adapter's place.

    Ray has as many processors as it is told, by default those of this machine.
    """
    folder = Path(tempfile.mkdtemp(prefix="ray-"))  # the names of Ray's sockets are at most 107 bytes long
    cluster_port, client_port, http_port = free_ports(3)
    variables = {
        **environment,
        "PATH": os.environ["PATH"],
        "PYTHON": sys.executable,
        "PYTHONPATH": f"{artifact}:{artifact / 'code'}",
        "CLUSTER_PORT": str(cluster_port),
        "CLIENT_PORT": str(client_port),
        "HTTP_PORT": str(http_port),
        "PROCESSORS": str(processors or os.cpu_count() or 1),
        "RAY_ADDRESS": f"127.0.0.1:{cluster_port}",
        "RAY_TMPDIR": str(folder),
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
    }
    log = folder / "log"
    try:
        with log.open("wb") as output:
            shell = subprocess.Popen(
                ["bash", "-c", SHELL, "bash", *foreground],
                env=variables,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code: int | None = shell.wait(SECONDS)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                _end(shell)
        return Ended(code, log.read_text(errors="replace"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _end(shell: subprocess.Popen[bytes]) -> None:
    """End what is left of the shell's group."""
    try:
        os.killpg(shell.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    shell.wait()
