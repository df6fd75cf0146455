"""The rooms of functions/batch_prediction, and what is deployed: who may import whom."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

DEPLOYED = Path(__file__).parents[2] / "functions"
DOMAIN = DEPLOYED / "batch_prediction"
FILES = sorted(file for file in DOMAIN.rglob("*.py") if file.name != "__init__.py")
VOCABULARY = {"settings", "layout", "events", "labels"}
# What each room may import besides itself: nothing above it; start and report don't import each other.
BELOW = {
    "vocabulary": set[str](),
    "figures": {"vocabulary"},
    "manifests": {"vocabulary"},
    "aws": {"vocabulary"},
    "models": {"vocabulary", "aws", "figures"},
    "archives": {"vocabulary", "aws"},
    "runs": {"vocabulary", "aws", "models"},
    "start": {"vocabulary", "archives", "aws", "manifests", "models", "runs"},
    "report": {"vocabulary", "archives", "aws", "figures", "runs"},
    "sweep": {"vocabulary", "aws", "models", "runs"},
}


def module(file: Path) -> str:
    """A file's name below batch_prediction, with dots."""
    return ".".join(file.relative_to(DOMAIN).with_suffix("").parts)


def room(name: str) -> str:
    """The room of a module."""
    first = name.partition(".")[0]
    return "vocabulary" if first in VOCABULARY else first


def imported(file: Path) -> Iterator[str]:
    """The modules of the domain that a file imports, for type checkers alone included."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "batch_prediction":
            inside = (node.module or "").removeprefix("batch_prediction").removeprefix(".")
            for alias in node.names:
                name = f"{inside}.{alias.name}".removeprefix(".")
                yield name if (DOMAIN / f"{name.replace('.', '/')}.py").exists() else inside


def test_every_room_has_a_place_in_the_order() -> None:
    """A new folder or module at the top fails here until its permitted imports are declared."""
    assert {room(module(file)) for file in FILES} == set(BELOW)
    TopologicalSorter(BELOW).prepare()  # CycleError where two rooms lie below each other


@pytest.mark.parametrize("file", FILES, ids=module)
def test_a_module_imports_only_from_rooms_below_its_own(file: Path) -> None:
    """No import goes upwards, nor from start to report or back."""
    own = room(module(file))
    assert {room(name) for name in imported(file)} <= BELOW[own] | {own}


def test_no_module_imports_itself_through_others() -> None:
    """Within a room, too, there is an order in which the modules can be read."""
    TopologicalSorter({module(file): set(imported(file)) for file in FILES}).prepare()


@pytest.mark.parametrize("folder", [DOMAIN, DEPLOYED], ids=lambda folder: folder.name)
def test_the_deployed_code_imports_only_what_is_deployed(folder: Path) -> None:
    """Functions import neither training, localcloud nor cli; the domain imports no handler."""
    ours = {"functions", "training", "localcloud", "cli", "tests", "benchmarks", "batch_prediction"}
    handlers = {path.stem for path in DEPLOYED.glob("*.py")}
    for file in folder.rglob("*.py"):
        names = {name.partition(".")[0] for name in _imports(file)}
        assert names & (ours | handlers) <= {"batch_prediction"}, file


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
