"""The stacks' names and parameters, as samconfig.toml gives them to `sam deploy`."""

import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Deployment:
    """What `sam deploy --config-env <environment>` deploys."""

    stack_name: str
    parameters: dict[str, str]


def read(file: Path, environment: str) -> Deployment:
    """Read one environment's deployment; KeyError names what the file lacks."""
    configured = tomllib.loads(file.read_text())
    try:
        deploy = configured[environment]["deploy"]["parameters"]
        overrides = shlex.split(deploy["parameter_overrides"])
        return Deployment(deploy["stack_name"], dict(pair.split("=", 1) for pair in overrides))
    except KeyError as error:
        raise KeyError(f"{file}: expected [{environment}.deploy.parameters] with {error}") from error
