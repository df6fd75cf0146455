"""Which tests run: a folder of tests/ that is named like a marker runs only where it is asked for.

Its tests get that marker. It is collected where `-m` asks for the marker, or where its path is given: what
isn't asked for isn't imported, and its packages needn't be installed. Where `-m` can select nothing of the
other folders, they aren't collected either.
"""

from pathlib import Path

import pytest
from _pytest.mark.expression import Expression  # pytest has no public way to evaluate what -m says

TESTS = Path(__file__).parent


def folder_marker(config: pytest.Config, path: Path) -> str | None:
    """The marker that a path has by its folder."""
    folder = path.relative_to(TESTS).parts[0] if path != TESTS and path.is_relative_to(TESTS) else None
    return folder if folder in _markers(config) else None


def is_asked_for(config: pytest.Config, path: Path) -> bool:
    """Whether a test file, or a folder, is to be collected."""
    marker, expression = folder_marker(config, path), config.option.markexpr
    if marker and any(_path(argument).is_relative_to(TESTS / marker) for argument in config.args):
        return True
    if TESTS.is_relative_to(path):
        return True
    if not expression:
        return marker is None
    return any(_selects(config, expression, marker, others) for others in (True, False))


def _selects(config: pytest.Config, expression: str, marker: str | None, others: bool) -> bool:
    """Whether -m selects a test with a folder's marker, because of it, and with all other markers or none."""
    folders = _markers(config)

    def value(marked: str | None) -> bool:
        def has(name: str, /, **_: str | int | bool | None) -> bool:
            return name == marked if name in folders else others

        return Expression.compile(expression).evaluate(has)

    return value(marker) and (marker is None or not value(None))


def _markers(config: pytest.Config) -> set[str]:
    registered = {line.partition(":")[0] for line in config.getini("markers")}
    return {name for name in registered if (TESTS / name).is_dir()}


def _path(argument: str) -> Path:
    return Path(argument.partition("::")[0]).resolve()
