"""Imports of the local cloud: no service in the core, no circle, nothing of the project in the package."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "localcloud"
PROJECT = {"batch_prediction", "benchmarks", "cli", "functions", "tests", "training"}
CALLERS = {"localcloud.assembly", "localcloud.faults", "localcloud.persistence", "localcloud.deploy"}


def name_of(file: Path) -> str:
    """A module's name, as it is imported."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(file): file for file in PACKAGE.rglob("*.py")}


def imported(statements: Iterator[ast.AST] | list[ast.stmt]) -> Iterator[str]:
    """Every module that statements import; `from package import name` is `package.name` where that is one."""
    for node in statements:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not used"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else str(node.module)


def anywhere(module: str) -> set[str]:
    """A module's imports, including those in functions and under TYPE_CHECKING."""
    return set(imported(ast.walk(ast.parse(MODULES[module].read_text()))))


def at_once(module: str) -> set[str]:
    """The local cloud's modules that the import of a module imports, conditional blocks included."""
    tree = ast.parse(MODULES[module].read_text())
    outside = (node for statement in tree.body if not _defines(statement) for node in ast.walk(statement))
    return set(imported(outside)) & set(MODULES)


def _defines(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def circle(module: str, seen: tuple[str, ...] = ()) -> tuple[str, ...]:
    """A circle of imports that a module leads into; empty for none."""
    if module in seen:
        return (*seen[seen.index(module) :], module)
    if module in FREE:
        return ()
    for other in sorted(at_once(module)):
        found = circle(other, (*seen, module))
        if found:
            return found
    FREE.add(module)
    return ()


FREE: set[str] = set()  # modules that are known to lead into no circle


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("localcloud.core")])
def test_the_core_imports_no_service(module: str) -> None:
    """A module of the core imports the core alone, and never by a name that is put together."""
    ours = {name for name in anywhere(module) if name.split(".")[0] == "localcloud"}
    assert {name for name in ours if not name.startswith("localcloud.core.")} == set()
    assert "importlib" not in anywhere(module)


@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith("localcloud.core")])
def test_a_service_does_not_know_who_assembles_it(module: str) -> None:
    """No service imports the assembly, faults, persistence or deployment: these are written for it."""
    if module not in CALLERS:
        assert anywhere(module) & CALLERS == set()


@pytest.mark.parametrize("module", MODULES)
def test_the_local_cloud_knows_no_project(module: str) -> None:
    """It imports nothing of this project, and its source contains no name of the project."""
    assert {name.split(".")[0] for name in anywhere(module)} & PROJECT == set()
    text = MODULES[module].read_text().lower()
    assert [word for word in ("batch_prediction", "digit batch", "digits-", "mnist") if word in text] == []


@pytest.mark.parametrize("module", MODULES)
def test_no_import_is_a_circle(module: str) -> None:
    """Each module can be imported first: none leads back to itself, not even for its types."""
    assert circle(module) == ()


def test_a_circle_would_be_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two modules that import each other are a circle, whichever is looked at first."""
    for name, other in (("one", "two"), ("two", "one")):
        (tmp_path / f"{name}.py").write_text(f"from localcloud import {other}\n")
        monkeypatch.setitem(MODULES, f"localcloud.{name}", tmp_path / f"{name}.py")
    assert circle("localcloud.two") == ("localcloud.two", "localcloud.one", "localcloud.two")


def test_moto_is_imported_when_a_cloud_starts() -> None:
    """A command that needs no cloud doesn't import moto with the modules that start and deploy one."""
    script = (
        "import sys, localcloud.assembly, localcloud.deploy, localcloud.faults; print('moto' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "False"
