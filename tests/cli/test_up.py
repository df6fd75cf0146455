"""`digits up`, as a person starts and ends it."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import boto3

from tests.wait import until

DIGITS = Path(sys.executable).parent / "digits"


def free_port() -> int:
    """A free port of this machine."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


def test_the_cloud_answers_on_its_port_until_it_is_ended(tmp_path: Path) -> None:
    """The variables that it prints lead to an account; its stop leaves no listener, and no error is shown."""
    port, shown = free_port(), tmp_path / "shown.txt"
    with shown.open("w") as file:
        program = subprocess.Popen(
            [DIGITS, "up", "--no-deploy", "--port", str(port)], stdout=file, stderr=file, text=True
        )
    try:
        line = until(lambda: re.search(r"^ *export (.*)$", shown.read_text(), re.M))
        exported = dict(pair.split("=", 1) for pair in line[1].split())
        assert exported["AWS_ENDPOINT_URL"] == f"http://localhost:{port}"
        client = boto3.client(
            "s3",
            endpoint_url=exported["AWS_ENDPOINT_URL"],
            region_name=exported["AWS_DEFAULT_REGION"],
            aws_access_key_id=exported["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=exported["AWS_SECRET_ACCESS_KEY"],
        )
        client.create_bucket(Bucket="mine")
        assert [bucket["Name"] for bucket in client.list_buckets()["Buckets"]] == ["mine"]
        program.send_signal(signal.SIGTERM)
        assert program.wait() == 128 + signal.SIGTERM
    finally:
        program.kill()
        program.wait()
    assert "Traceback" not in shown.read_text()
    with socket.socket() as trial:
        assert trial.connect_ex(("127.0.0.1", port)) != 0


def test_a_taken_port_is_reported() -> None:
    """The error names the port and what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [DIGITS, "up", "--no-deploy", "--port", str(port)], capture_output=True, text=True, check=False
        )
    assert done.returncode == 1
    assert f"Port {port} of 127.0.0.1" in done.stderr
    assert "name another port" in done.stderr
    assert "Traceback" not in done.stderr
