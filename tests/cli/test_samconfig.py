"""samconfig.toml is read as `sam deploy` reads it, and its mistakes are named."""

from pathlib import Path

import pytest

from cli import samconfig

CONFIG = """
version = 0.1
[here.deploy.parameters]
stack_name = "digits-here"
parameter_overrides = "Name=digits Note='a = b' Empty="
[broken.deploy.parameters]
stack_name = "digits-broken"
parameter_overrides = "Name=digits MinimumAccuracy"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file above."""
    path = tmp_path / "samconfig.toml"
    path.write_text(CONFIG)
    return path


def test_overrides_are_split_as_a_shell_does(file: Path) -> None:
    """Quoted values keep their spaces and equals signs, and a value may be empty."""
    deployment = samconfig.read(file, "here")
    assert deployment.stack_name == "digits-here"
    assert deployment.parameters == {"Name": "digits", "Note": "a = b", "Empty": ""}


def test_an_override_without_a_value_is_named(file: Path) -> None:
    """The error has the file, the place in it and the override."""
    with pytest.raises(ValueError, match=r"samconfig\.toml: .*broken\.deploy.*found 'MinimumAccuracy'"):
        samconfig.read(file, "broken")


def test_an_environment_that_is_missing_is_named(file: Path) -> None:
    """The error names the file and what it lacks."""
    with pytest.raises(KeyError, match=r"samconfig\.toml: expected \[prod\.deploy\.parameters\] with 'prod'"):
        samconfig.read(file, "prod")
