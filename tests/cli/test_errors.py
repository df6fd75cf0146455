"""How commands fail."""

import pytest
import typer
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from cli.errors import CommandError, Commands


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
