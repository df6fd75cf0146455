"""How commands fail."""

import socket

import pytest
import typer
from botocore.exceptions import ClientError, EndpointConnectionError
from typer.testing import CliRunner

from cli import main, stack
from cli.errors import CommandError, Commands, in_words


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (CommandError("stack [x]: expected one, found none"), "Error: stack [x]: expected one, found none\n"),
        (ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject"), "AccessDenied"),
    ],
)
def test_a_foreseen_error_is_one_sentence(error: Exception, message: str) -> None:
    """The sentence is on standard error as written, the exit status is 1, and no stack trace is shown."""
    app = typer.Typer(cls=Commands)

    @app.command()
    def broken() -> None:
        raise error

    @app.command()
    def other() -> None: ...

    result = CliRunner().invoke(app, ["broken"])
    assert result.exit_code == 1
    assert message in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("url", "asks"),
    [("http://127.0.0.1:4566/", True), ("http://localhost:1/", True), ("https://s3.amazonaws.com/", False)],
)
def test_where_nobody_answers_on_this_machine_the_local_cloud_is_the_likely_cause(
    url: str, asks: bool
) -> None:
    """Elsewhere it is the network, and botocore's own words say so."""
    words = in_words(EndpointConnectionError(endpoint_url=url))
    assert url in words
    assert ("is `digits up` running?" in words) is asks


@pytest.mark.parametrize(
    "command",
    [
        ["reports"],
        ["reports", "show", "b7"],
        ["models"],
        ["models", "show", "1"],
        ["doctor"],
        ["cost", "--stack", "digits"],
        ["prove", "--yes"],
        ["tune", "mnist"],
    ],
    ids=" ".join,
)
def test_every_command_asks_whether_the_local_cloud_runs(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A port that nobody listens on: one sentence, and exit status 1."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    for name, value in {"ENDPOINT_URL": url, "DEFAULT_REGION": "us-east-1", "MAX_ATTEMPTS": "1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    stack.client.cache_clear()
    result = CliRunner().invoke(main.app, command)
    stack.client.cache_clear()
    assert result.exit_code == 1
    assert f"{url}/: is `digits up` running?" in " ".join(result.output.split())
