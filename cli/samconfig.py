"""Stack names and parameters from samconfig.toml, as `sam deploy` reads them."""

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
    """Read one environment's deployment.

    Raises KeyError if the file lacks a key, ValueError for a parameter override that isn't `name=value`.
    """
    configured = tomllib.loads(file.read_text())
    try:
        deploy = configured[environment]["deploy"]["parameters"]
        pairs = [override.partition("=") for override in shlex.split(deploy["parameter_overrides"])]
        name = deploy["stack_name"]
    except KeyError as error:
        raise KeyError(f"{file}: expected [{environment}.deploy.parameters] with {error}") from error
    for override, equals, _ in pairs:
        if not equals:
            raise ValueError(
                f"{file}: expected name=value in [{environment}.deploy.parameters] parameter_overrides, "
                f"found {override!r}"
            )
    return Deployment(name, {key: value for key, _, value in pairs})
