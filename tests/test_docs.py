"""The documents: every path, command, option and example in them is real."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.validate import validate_parameters
from typer.main import get_command
from typer.testing import CliRunner

from batch_prediction.manifests.folder import BatchFolder
from batch_prediction.manifests.reading import read
from batch_prediction.manifests.records import Record
from batch_prediction.report import write as report
from batch_prediction.report.likeness import Known
from batch_prediction.report.predictions import COLUMNS, Tally
from batch_prediction.runs.state import RunState
from cli.main import app
from tests.functions.report.transform_jobs import STARTED, job
from tests.functions.start.uploads import RUN

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "localcloud" / "README.md",
    *(ROOT / "docs").glob("*.md"),
]
FOLDERS = ("functions", "training", "localcloud", "cli", "tests", "benchmarks", "docs", ".ci", ".github")
MADE = ("out/", ".venv")  # what commands make


def code(document: Path) -> Iterator[str]:
    """Everything that a document sets as code, inline or in blocks."""
    text = document.read_text()
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


def blocks(document: Path, language: str) -> list[str]:
    """A document's code blocks of one language."""
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", document.read_text(), re.M | re.S)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_path_exists(document: Path) -> None:
    """A path of the project that a document names is there, and so is every file that it links to."""
    text = document.read_text()
    linked = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in link]
    for link in linked:
        assert (document.parent / link).exists(), link
    named = {word for piece in code(document) for word in re.findall(r"[\w./-]+", piece)}
    for path in named:
        if path.split("/")[0] in FOLDERS and "/" in path and "*" not in path:
            assert (ROOT / path).exists(), path
        elif re.fullmatch(r"[\w-]+\.(md|toml|yaml|txt)", path):
            assert any((ROOT / folder / path).exists() for folder in ("", "docs", "training/container")), path


def headings(document: Path) -> dict[str, str]:
    """A document's headings by the anchors that they get, and the anchors that it sets itself."""
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.M | re.S)
    found = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-"): heading
        for heading in re.findall(r"^#+ (.*)$", text, re.M)
    }
    return found | {anchor: anchor for anchor in re.findall(r'<a id="([\w-]+)">', text)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_anchor_exists(document: Path) -> None:
    """A link to a part of a document leads to a heading of it."""
    for file, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", document.read_text()):
        assert anchor in headings(document.parent / file if file else document), f"{file}#{anchor}"


def test_every_decision_is_in_the_index() -> None:
    """The index at the top of docs/decisions.md links to each decision once."""
    document = ROOT / "docs" / "decisions.md"
    dated = [anchor for anchor in headings(document) if re.match(r"\d{4}-", anchor)]
    index = re.search(r"^## Index\n(.*?)^## ", document.read_text(), re.M | re.S)
    assert index
    assert sorted(re.findall(r"\]\(#([^)]+)\)", index[1])) == sorted(dated)


def test_every_make_target_exists() -> None:
    """A `make` command in a document is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {
        target
        for document in DOCUMENTS
        for piece in code(document)
        for target in re.findall(r"^make (?:PYTHON=\S+ )?([a-z]+)", piece)
    }
    assert {"demo", "test"} <= named <= targets


def test_the_hosted_workflow_runs_what_ci_runs() -> None:
    """The workflow's one command is .ci/run, whose targets exist, on a Python of pyproject.toml's."""
    (job,) = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == ["bash .ci/run"]
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    steps = re.findall(r"^ *make ([a-z]+)$", (ROOT / ".ci" / "run").read_text(), re.M)
    assert {"test", "lint", "wheel"} <= set(steps) <= targets
    (python,) = [
        step["with"]["python-version"] for step in job["steps"] if "setup-python" in step.get("uses", "")
    ]
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    assert f"Programming Language :: Python :: {python}" in named


def test_every_option_of_digits_exists() -> None:
    """The options that README names are those that --help explains."""
    shown = "".join(
        CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).output
        for command in ("demo", "up")
    )
    named = set(re.findall(r"`(--[a-z-]+)`", (ROOT / "README.md").read_text()))
    assert {"--out", "--images", "--seed", "--keep-running"} <= named
    for option in named:
        assert option in shown


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_digits_command_exists(document: Path) -> None:
    """A `digits` command in a document is one of the program's, with the options that it names."""
    for piece in code(document):
        if not re.match(r"(\.venv[\w-]*/bin/)?digits ", piece):
            continue
        command, (_, *words) = get_command(app), piece.split()
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]  # type: ignore[attr-defined] # a group's
        if hasattr(command, "commands"):  # a group: what follows isn't a command of it
            assert not words or words[0].startswith("--"), piece
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word.partition("=")[0] for word in words if word.startswith("--")} <= options | {"--help"}, (
            piece
        )


def test_the_sam_commands_name_configured_environments() -> None:
    """`sam deploy --config-env X` and its stack are in samconfig.toml, with parameters of the template."""
    configured = tomllib.loads((ROOT / "samconfig.toml").read_text())
    template = (ROOT / "template.yaml").read_text()
    named = re.findall(r"sam deploy --config-env (\w+)", (ROOT / "README.md").read_text())
    assert named == ["prod"]
    for environment in ("default", "local", *named):
        deploy = configured[environment]["deploy"]["parameters"]
        for pair in deploy["parameter_overrides"].split():
            assert re.search(rf"^  {pair.partition('=')[0]}:$", template, re.M), pair


def test_the_manifest_of_the_readme_can_be_read() -> None:
    """The example is a manifest whose every line is used."""
    (example,) = blocks(ROOT / "README.md", "json")
    found = list(read([example.encode()], BatchFolder("BUCKET", "incoming/my-digits/")))
    assert found == [
        Record("s3://BUCKET/incoming/my-digits/0001.png", 7),
        Record("s3://BUCKET/incoming/my-digits/0002.png", None),
    ]


def test_the_training_request_is_one_that_sagemaker_takes() -> None:
    """The example fits CreateTrainingJob in botocore's service model, once the role is filled in."""
    example, *_ = blocks(ROOT / "docs" / "operations.md", "json")
    request = json.loads(example.replace('"ROLE"', '"arn:aws:iam::123456789012:role/digits-SageMakerRole"'))
    model: Any = botocore.session.get_session().get_service_model("sagemaker")
    validate_parameters(request, model.operation_model("CreateTrainingJob").input_shape)


def test_the_keys_of_report_json_are_documented() -> None:
    """docs/architecture.md has a row for each key, and README names the columns of predictions.csv."""
    content = report.compose(RUN, RunState(STARTED, [job("Completed")], None), Tally(), Known(None))
    table = (ROOT / "docs" / "architecture.md").read_text().partition("## report.json")[2]
    documented = re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`.*?) \|", table, re.M)))
    assert documented == list(content)
    assert f"`{','.join(COLUMNS)}`" in (ROOT / "README.md").read_text()


def test_every_test_that_reliability_names_exists() -> None:
    """Each row of docs/reliability.md names the tests that show it, and each of them is a test."""
    text = (ROOT / "docs" / "reliability.md").read_text().partition("\n## Row by row\n")[2]
    rows = re.findall(r"^\| (?!fault|---)(.*) \|$", text.partition("\n## ")[0], re.M)
    assert len(rows) > 30
    defined = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)\(", file.read_text(), re.M)
    }
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row)
        assert named, row
        assert set(named) <= defined, row


def test_torchvisions_environment_differs_in_torch_alone() -> None:
    """A package of both environments has the same version in both, but for torch, the stock build there."""
    whole, other = (
        dict(line.split("==") for line in (ROOT / file).read_text().splitlines() if "==" in line)
        for file in ("constraints.txt", "constraints-torchvision.txt")
    )
    assert {"torch", "torchvision"} <= other.keys()
    assert [name for name in whole.keys() & other.keys() if whole[name] != other[name]] == ["torch"]


def test_deployed_versions_are_those_of_the_constraints() -> None:
    """What is deployed is what the tests ran with."""
    locked = set((ROOT / "constraints.txt").read_text().splitlines())
    lines = (ROOT / "functions/requirements.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins
    assert set(pins) <= locked
