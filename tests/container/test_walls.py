"""What the container's files may import."""

import ast
import sys
from pathlib import Path

import pytest

import train
from artifact import SERVING_CODE

CONTAINER = Path(train.__file__).parent
FILES = sorted(CONTAINER.glob("*.py"))
SERVED = {"torch", "numpy", "safetensors", "boto3", "botocore", "model", "pixels"}
ALLOWED = {
    "arguments": {"data", "model"},
    "artifact": {"torch", "safetensors"},
    "averaging": {"torch"},
    "calibration": {"torch"},
    "checkpoints": {"torch", "arguments", "ranks"},
    "data": {"numpy"},
    "deployment": {"ray", "starlette", "inference"},
    "images": {"torch", "model"},
    "inference": SERVED,
    "model": {"torch"},
    "pixels": {"numpy", "PIL"},
    "ranks": {"torch", "arguments"},
    "steps": {"torch", "averaging", "images"},
    "train": {
        *("numpy", "torch", "arguments", "artifact", "averaging", "calibration"),
        *("checkpoints", "data", "images", "model", "ranks", "steps"),
    },
}


def imported_by(file: Path) -> set[str]:
    """The names of the modules and packages that a file imports."""
    imported: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add((node.module or "").partition(".")[0])
    return imported


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_container_file_imports_only_what_its_image_has(file: Path) -> None:
    """Besides the standard library, a file imports only what its image or its folder contains."""
    assert imported_by(file) - set(sys.stdlib_module_names) <= ALLOWED[file.stem]


def test_the_artifact_has_all_of_its_code() -> None:
    """What the serving code imports of this folder is packed with it."""
    packed = {Path(name).stem for name in SERVING_CODE if name.endswith(".py")}
    imported = set().union(*(imported_by(CONTAINER / f"{name}.py") for name in packed))
    assert imported & {file.stem for file in FILES} <= packed
