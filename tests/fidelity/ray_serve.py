"""The real Ray Serve, started as AWS's Ray Serve image starts it, for as long as a `with` block lasts."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import urllib3

from localcloud.core.processes import end_process

STEP_SECONDS = 120.0  # a step takes some seconds; on a busy machine longer
END_SECONDS = 10.0


@contextmanager
def ray_serve(artifact: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Serve an unpacked artifact; yields the URL to which the image's adapter forwards requests.

    The steps, the path and the application that SM_RAYSERVE_APP names in `environment` are those of
    https://github.com/aws/deep-learning-containers/blob/main/scripts/docker/ray/sagemaker_entrypoint.sh.
    Ports, folder and address are this cluster's own, so that a foreign one is neither joined nor ended.

    Raises RuntimeError with the end of the log when a step fails or takes longer than two minutes.
    """
    application = environment["SM_RAYSERVE_APP"]
    cluster_port, client_port, http_port = free_ports(3)
    url = f"http://127.0.0.1:{http_port}"
    with ExitStack() as ending:
        # Not one of pytest's folders: the names of Ray's sockets are at most 107 bytes long.
        folder = Path(tempfile.mkdtemp(prefix="ray-"))
        ending.callback(shutil.rmtree, folder, ignore_errors=True)
        log = folder / "log"
        output = ending.enter_context(log.open("wb"))
        variables = {
            **environment,
            "PYTHONPATH": f"{artifact}:{artifact / 'code'}",
            "RAY_ADDRESS": f"127.0.0.1:{cluster_port}",
            "RAY_TMPDIR": str(folder),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",  # else it waits half a minute for its own actors
        }

        def step(name: str, arguments: list[str], is_done: Callable[[subprocess.Popen[str]], bool]) -> None:
            child = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                env=variables,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
            ending.callback(_end, child)
            deadline = time.monotonic() + STEP_SECONDS
            while not is_done(child):
                if child.poll() or time.monotonic() > deadline:
                    end_of_log = log.read_text(errors="replace")[-3000:]
                    raise RuntimeError(
                        f"{name}: expected it to be ready, found exit code {child.poll()} and: {end_of_log}"
                    )
                time.sleep(0.1)

        # Where a container may use fewer cores than it sees, replicas would wait for the others for ever.
        step(
            "ray start",
            [
                *("ray.scripts.scripts", "start", "--head", "--block", "--include-dashboard=False"),
                *(f"--port={cluster_port}", f"--ray-client-server-port={client_port}"),
                *(f"--num-cpus={os.cpu_count() or 1}", "--num-gpus=0", "--object-store-memory=100000000"),
                f"--temp-dir={folder}",
            ],
            lambda _: _listens(cluster_port),
        )
        step(
            "serve start",
            ["ray.serve.scripts", "start", "--http-host=127.0.0.1", f"--http-port={http_port}"],
            lambda child: child.poll() == 0,
        )
        step(
            f"serve run {application}", ["ray.serve.scripts", "run", application], lambda _: _has_routes(url)
        )
        yield f"{url}/"


def free_ports(count: int) -> list[int]:
    """Free ports of the loopback interface."""
    with ExitStack() as sockets:
        opened = [sockets.enter_context(socket.socket()) for _ in range(count)]
        for one in opened:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in opened]


def _listens(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def _has_routes(url: str) -> bool:
    """Say whether requests reach the application, to wait for its replicas; before, they get a 503."""
    try:
        answer = urllib3.request("GET", f"{url}/-/routes", retries=False, timeout=5)
    except urllib3.exceptions.HTTPError:
        return False
    return answer.status == 200 and "/" in answer.json()


def _end(child: subprocess.Popen[str]) -> None:
    """End a child and the group that it leads."""
    end_process(child, signal.SIGTERM)
    try:
        child.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        end_process(child, signal.SIGKILL)
        child.wait()
