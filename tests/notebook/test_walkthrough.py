"""docs/walkthrough.ipynb, executed against the local cloud: `make notebook`."""

from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from cli import samconfig
from localcloud.assembly import local_cloud
from localcloud.core.isolation import OPERATOR
from tests.stack import ROOT, deploy_template

pytestmark = pytest.mark.deploys
NOTEBOOK = ROOT / "docs" / "walkthrough.ipynb"
SMALL = {"DIGITS_TRIALS": "2", "DIGITS_EPOCHS": "12", "DIGITS_ARCH": "small"}
SECONDS = 900  # for one cell


@pytest.fixture(scope="module")
def executed(request: pytest.FixtureRequest) -> Any:
    """The notebook with its outputs, after a run with a stack in the local cloud."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    configured = samconfig.read(ROOT / "samconfig.toml", "local")
    with local_cloud() as cloud, pytest.MonkeyPatch.context() as patch:
        deploy_template(request, cloud, configured.stack_name, **configured.parameters)
        patch.delenv("MNIST_DIR", raising=False)
        for name, value in {**OPERATOR, **SMALL, "DIGITS_STACK": configured.stack_name}.items():
            patch.setenv(name, value)
        NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": NOTEBOOK.parent}}).execute()
    return notebook


def printed(notebook: Any) -> str:
    """Everything that the cells showed, as text."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(
        output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outputs
    )


def test_the_walkthrough_ends_with_an_accuracy_report(executed: Any) -> None:
    """From the session to the report of a thousand images, without an error in any cell."""
    text = printed(executed)
    assert "Completed: 1,000 of 1,000 images scored" in text
    assert "95 % interval" in text
    assert "mistaken for" in text


def test_the_walkthrough_tunes_trains_and_registers(executed: Any) -> None:
    """Its model is the final training of the search that it started, approved by the stack."""
    text = printed(executed)
    assert "Best trial:" in text
    assert "Approved" in text
    assert "-final" in text


def test_the_notebook_is_kept_without_outputs() -> None:
    """The committed notebook has no outputs."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(cell["outputs"] == [] for cell in notebook.cells if cell.cell_type == "code")
