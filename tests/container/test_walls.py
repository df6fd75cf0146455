"""What the container's files may import."""

import ast
import sys
from pathlib import Path

import pytest

import train

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


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_container_file_imports_only_what_its_image_has(file: Path) -> None:
    """Besides the standard library, a file imports only what its image or its folder contains."""
    imported: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add((node.module or "").partition(".")[0])
    assert imported - set(sys.stdlib_module_names) <= ALLOWED[file.stem]
