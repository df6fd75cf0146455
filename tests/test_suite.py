"""How the tests are laid out: where they lie, what they import, and by which marker they are selected."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import permission_log, selection
from tests.stack import deploy_template

TESTS = selection.TESTS
DOMAIN = TESTS.parent / "functions" / "batch_prediction"
SOURCES = sorted(TESTS.rglob("*.py"))
ASKED_FOR = (
    "browser",
    "faults",
    "fidelity",
    "mutants",
    "notebook",
    "programs",
    "simulation",
    "torchvision",
    "wheel",
)


def imported(file: Path) -> Iterator[str]:
    """The dotted names that a file imports, relative imports made absolute."""
    package = file.relative_to(TESTS.parent).parent.parts
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(TESTS)))
def test_no_file_imports_a_module_of_tests(file: Path) -> None:
    """Shared code is in modules with plain names: only pytest imports test modules and conftests."""
    modules = [
        name
        for name in imported(file)
        if name.startswith("tests.")
        and any(part.startswith(("test_", "conftest")) for part in name.split("."))
    ]
    assert modules == []


@pytest.mark.parametrize(
    "module",
    [file.relative_to(DOMAIN) for file in sorted(DOMAIN.rglob("*.py")) if file.stem != "__init__"],
    ids=str,
)
def test_every_module_of_the_domain_has_its_test_file(module: Path) -> None:
    """`functions/batch_prediction/report/index.py` is tested in `tests/functions/report/test_index.py`."""
    file = TESTS / "functions" / module.parent / f"test_{module.name}"
    assert file.exists(), f"expected {file.relative_to(TESTS.parent)}, found nothing"


def test_every_module_of_e2e_deploys_the_template() -> None:
    """The replay of permissions looks at these modules, and one process runs them all."""
    for file in permission_log.deploying():
        assert "pytestmark = pytest.mark.deploys" in file.read_text(), file


def test_only_one_builder_deploys_the_template() -> None:
    """It asks for the marker `deploys`; a module that deployed by itself would escape the replay."""
    deploying = {
        str(file.relative_to(TESTS))
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "deploy"
        if any(isinstance(part, ast.Constant) and part.value == "template.yaml" for part in ast.walk(node))
    }
    assert deploying == {"stack.py"}


def test_deploying_without_the_marker_fails(request: pytest.FixtureRequest) -> None:
    """The error names the test, the marker that is expected, and where it goes."""
    no_cloud: Any = None
    with pytest.raises(pytest.fail.Exception, match=r"expected the marker `deploys`.*pytestmark"):
        deploy_template(request, no_cloud)


@pytest.fixture
def configured(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> pytest.Config:
    """The session's configuration, as if nothing had been asked for."""
    config = request.config
    monkeypatch.setattr(config.option, "markexpr", "")
    monkeypatch.setattr(config, "args", [str(TESTS)])
    return config


def collected(config: pytest.Config) -> set[str]:
    """The folders of tests/ that are collected."""
    return {
        folder.name
        for folder in TESTS.iterdir()
        if folder.is_dir() and selection.is_asked_for(config, folder)
    }


@pytest.mark.parametrize(
    ("expression", "some", "none"),
    [
        ("", {"functions", "localcloud", "e2e"}, set(ASKED_FOR)),
        ("browser", {"browser"}, {"functions", "e2e", "faults"}),
        ("faults or simulation", {"faults", "simulation"}, {"functions", "browser"}),
        ("deploys", {"e2e", "functions"}, set(ASKED_FOR)),
        ("not deploys", {"functions", "e2e"}, set(ASKED_FOR)),
        ("not browser", {"functions", "e2e"}, set(ASKED_FOR)),
        ("browser and not deploys", {"browser"}, {"functions", "faults"}),
    ],
)
def test_a_marked_folder_is_collected_where_its_marker_can_be_selected(
    configured: pytest.Config,
    monkeypatch: pytest.MonkeyPatch,
    expression: str,
    some: set[str],
    none: set[str],
) -> None:
    """What `-m` can't select isn't even imported: its packages may not be installed."""
    monkeypatch.setattr(configured.option, "markexpr", expression)
    found = collected(configured)
    assert some <= found
    assert not none & found


def test_a_marked_folder_is_collected_where_its_path_is_given(
    configured: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`pytest tests/browser/test_pages.py` needs no `-m`."""
    monkeypatch.setattr(configured, "args", [f"{TESTS}/browser/test_pages.py::test_x"])
    assert selection.is_asked_for(configured, TESTS / "browser" / "test_pages.py")
    assert not selection.is_asked_for(configured, TESTS / "faults")


@pytest.mark.parametrize("marker", ASKED_FOR)
def test_a_folder_s_marker_is_registered(configured: pytest.Config, marker: str) -> None:
    """pyproject.toml describes it; without that, `make test` would run the folder."""
    assert selection.folder_marker(configured, TESTS / marker / "test_x.py") == marker
