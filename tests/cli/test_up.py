"""`digits up`, as a person starts and ends it."""

import io
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from rich.console import Console

from cli import up
from cli.errors import CommandError
from localcloud.core.activity import Activity
from tests.exports import exported
from tests.wait import until

DIGITS = Path(sys.executable).parent / "digits"


def free_port() -> int:
    """A free port of this machine."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


def client(service: str, variables: dict[str, str]) -> Any:
    """A client as the variables configure it."""
    make: Any = boto3.client
    return make(
        service,
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        region_name=variables["AWS_DEFAULT_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )


def test_the_cloud_answers_on_its_port_until_it_is_ended(tmp_path: Path) -> None:
    """The variables that it prints lead to an account; its stop leaves no listener, and no error is shown."""
    port, shown = free_port(), tmp_path / "shown.txt"
    with shown.open("w") as file:
        program = subprocess.Popen(
            [DIGITS, "up", "--no-deploy", "--port", str(port)], stdout=file, stderr=file, text=True
        )
    try:
        variables = until(lambda: exported(shown.read_text()))
        assert variables["AWS_ENDPOINT_URL"] == f"http://localhost:{port}"
        s3 = client("s3", variables)
        s3.create_bucket(Bucket="mine")
        assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["mine"]
        program.send_signal(signal.SIGTERM)
        assert program.wait() == 128 + signal.SIGTERM
    finally:
        program.kill()
        program.wait()
    assert "Traceback" not in shown.read_text()
    with socket.socket() as trial:
        assert trial.connect_ex(("127.0.0.1", port)) != 0


def test_a_killed_cloud_has_kept_what_it_had_until_a_second_before(tmp_path: Path) -> None:
    """Without a chance to clean up: the next cloud has the object, and the message that was being read."""
    state, shown = tmp_path / "state", tmp_path / "shown.txt"

    def started() -> tuple[subprocess.Popen[str], dict[str, str]]:
        with shown.open("w") as file:
            program = subprocess.Popen(
                [DIGITS, "up", "--no-deploy", "--port", str(free_port()), "--state", state],
                stdout=file,
                stderr=file,
                text=True,
            )
        return program, until(lambda: exported(shown.read_text()))

    program, variables = started()
    try:
        s3, sqs = client("s3", variables), client("sqs", variables)
        s3.create_bucket(Bucket="mine")
        s3.put_object(Bucket="mine", Key="a", Body=b"one")
        url = sqs.create_queue(QueueName="mine")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="hello")
        assert sqs.receive_message(QueueUrl=url)["Messages"]
        file = state / "state.json"
        until(lambda: file.exists() and "hello" in file.read_text())
        program.kill()
        program.wait()
        program, variables = started()
        s3, sqs = client("s3", variables), client("sqs", variables)
        assert s3.get_object(Bucket="mine", Key="a")["Body"].read() == b"one"
        url = sqs.get_queue_url(QueueName="mine")["QueueUrl"]
        (message,) = until(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
        assert message["Body"] == "hello"
        program.terminate()
        program.wait()
        assert "1 waiting message is kept and goes on at the next start" in " ".join(
            shown.read_text().split()
        )
    finally:
        program.kill()
        program.wait()


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


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (["Wait=1"], r"--parameter: Parameters: \['Wait'\] do not exist .*'WaitForImagesMinutes'"),
        (["MaxImages=0"], "--parameter: Parameter MaxImages must be at least 1, but is '0'"),
        (["MaxImages"], "--parameter: expected NAME=VALUE, found 'MaxImages'"),
        (["Name=a", "SpotTraining=yes"], r"SpotTraining must be one of \['true', 'false'\], but is 'yes'"),
    ],
)
def test_a_wrong_parameter_is_refused_before_anything_starts(given: list[str], error: str) -> None:
    """The names and constraints are the template's, as CloudFormation takes them."""
    with pytest.raises(CommandError, match=error):
        up.run(Console(), 1, deploying=True, state=None, logs=False, parameters=given)


def test_a_parameter_and_a_model_need_a_deployment() -> None:
    """Without one it would silently do nothing."""
    for parameters, model in ((["MaxImages=1"], None), ([], "demo")):
        with pytest.raises(CommandError, match="found --no-deploy"):
            up.run(Console(), 1, False, None, False, parameters, model)


@pytest.mark.parametrize(
    ("counts", "state", "said"),
    [
        ({}, None, ""),
        (
            {"transform job": 1},
            None,
            "Unfinished: 1 transform job is lost. Give --state DIR to keep such things.",
        ),
        (
            {"waiting message": 2, "transform job": 1, "dead letter": 1},
            Path("kept"),
            "Unfinished: 1 dead letter, 1 transform job and 2 waiting messages are kept and go on at the "
            "next start with --state kept.",
        ),
    ],
)
def test_the_end_says_what_is_unfinished(counts: dict[str, int], state: Path | None, said: str) -> None:
    """Whether it is kept depends on --state."""
    assert up.unfinished(counts, state) == said


def test_what_is_shown_fits_a_terminal_of_80_columns() -> None:
    """A long sentence goes on below its beginning, and brackets of other people's names are no markup."""
    console = Console(width=80, record=True, file=io.StringIO())
    display = up.Display(console, raw=False)
    display.show(Activity("denial", "role[bold]", "s3:GetObject on " + "x" * 100, datetime.now(UTC)))
    shown = console.export_text().splitlines()
    assert max(map(len, shown)) <= 80
    assert "denied to role[bold]: s3:GetObject" in shown[0]
    assert shown[1].startswith(" " * 10 + "x")
