"""What the container's files may import."""

import ast
import sys
import tomllib
from pathlib import Path

import pytest

import train
from artifact import SERVING_CODE

CONTAINER = Path(train.__file__).parent
IMAGES = tomllib.loads(Path(__file__).with_name("serving_images.toml").read_text())
PACKAGES = {"PIL": "pillow"}  # whose modules have other names
FILES = sorted(CONTAINER.glob("*.py"))
SERVED = {"torch", "numpy", "boto3", "botocore", "archives", "model", "pixels", "probabilities", "weights"}
ALLOWED = {
    "archives": set[str](),
    "arguments": {"data", "model"},
    "artifact": {"torch", "weights"},
    "averaging": {"torch"},
    "calibration": {"torch"},
    "checkpoints": {"torch", "arguments", "ranks"},
    "data": {"numpy"},
    "deployment": {"ray", "replica"},
    "images": {"torch", "model"},
    "inference": SERVED,
    "model": {"torch"},
    "pixels": {"numpy", "PIL"},
    "probabilities": {"numpy", "torch"},
    "ranks": {"torch", "arguments"},
    "reference": {"torch", "model"},
    "replica": {"starlette", "inference"},
    "steps": {"torch", "averaging", "images"},
    "train": {
        *("numpy", "torch", "arguments", "artifact", "averaging", "calibration"),
        *("checkpoints", "data", "images", "model", "ranks", "reference", "steps", "trial"),
    },
    "trial": {"arguments", "calibration"},
    "weights": {"torch"},
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


@pytest.mark.parametrize("image", IMAGES)
def test_serving_starts_without_a_package_index(image: str) -> None:
    """AWS's image has every package that the code it starts imports, and the artifact asks for none."""
    ours = {file.stem for file in FILES}
    reached, left = set[str](), set(IMAGES[image]["files"])
    while left:
        reached |= left
        left = set().union(*(imported_by(CONTAINER / f"{name}.py") for name in left & ours)) - reached
    foreign = {PACKAGES.get(name, name) for name in reached - ours - set(sys.stdlib_module_names)}
    assert foreign <= IMAGES[image]["packages"].keys()
    assert "torch" in foreign
    assert [name for name in SERVING_CODE if not name.endswith(".py")] == []  # such as requirements.txt
