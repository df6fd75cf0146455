"""What `python -m build` makes, installed into fresh environments and run from an empty folder."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any, TypeVar

import boto3
import numpy as np
import pytest
from packaging.requirements import Requirement

from tests import exports
from training import source
from training.datasets import Digits, idx

ROOT = Path(__file__).parents[2]
Found = TypeVar("Found")
ROOMS = {
    "cli": "cli",
    "localcloud": "localcloud",
    "training": "training",
    "functions/batch_prediction": "batch_prediction",
    "functions": "cli/deployed/functions",
}


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that is built from the source distribution that is built from this checkout."""
    out = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--outdir", out, ROOT)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def plain(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`digits` of a plain installation."""
    return _install(wheel, "digit-batch", tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="session")
def local(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`digits` of an installation with the extra `local`."""
    return _install(wheel, "digit-batch[local]", tmp_path_factory.mktemp("local"))


@pytest.fixture(scope="session")
def exported(local: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What the wheel's own `digits up`, started in an empty folder, says to export; a stack is deployed."""
    folder = tmp_path_factory.mktemp("up")
    shown = folder.with_name("shown.txt")
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    with shown.open("w") as file:
        program = subprocess.Popen([local, "up", "--port", str(port)], stdout=file, stderr=file, cwd=folder)
        try:

            def variables() -> dict[str, str] | None:
                assert program.poll() is None, shown.read_text()
                return exports.exported(shown.read_text())

            yield _until(variables)
        finally:
            program.send_signal(signal.SIGTERM)
            program.wait()


@pytest.fixture
def digits(plain: Path, tmp_path: Path, exported: dict[str, str]) -> Callable[..., str]:
    """The plain installation's command in an empty folder, against the stack of `digits up`."""

    def run(*words: str | Path, status: int = 0) -> str:
        done = _attempt(plain, *words, cwd=tmp_path, **exported)
        assert done.returncode == status, done.stdout
        return done.stdout

    return run


def test_the_wheel_holds_each_file_of_its_rooms_and_what_is_deployed(wheel: Path) -> None:
    """No module, template or requirements file is left out, and nothing else comes along."""
    expected = {"cli/deployed/samconfig.toml", "cli/deployed/template.yaml"}
    for folder, packed in ROOMS.items():
        expected |= {
            f"{packed}/{file.relative_to(ROOT / folder)}"
            for file in (ROOT / folder).rglob("*")
            if file.is_file() and "__pycache__" not in file.parts
        }
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        licence = [name for name in archive.namelist() if name.endswith(".dist-info/licenses/LICENSE")]
    assert names == expected
    assert len(licence) == 1


def test_a_plain_installation_works_with_a_deployed_stack(
    digits: Callable[..., str], exported: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Reports, models, doctor, dataset and tune need nothing of the local cloud, nor torch."""
    commands = digits("--help")
    for name in ("dataset", "demo", "doctor", "models", "reports", "tune", "up"):
        assert re.search(rf"\b{name}\b", commands), commands
    assert "No run of the stack digits-local has a report yet" in digits("reports")

    s3 = _s3(exported)
    (bucket,) = [found["Name"] for found in s3.list_buckets()["Buckets"] if "digits" in found["Name"]]
    s3.put_object(Bucket=bucket, Key="incoming/mine/1.png", Body=b"not read before a model is approved")
    s3.put_object(Bucket=bucket, Key="incoming/mine/manifest.jsonl", Body=b'{"file_name": "1.png"}')
    _until(lambda: '"mine"' in digits("reports", "--json"))
    assert "mine" in digits("reports")
    assert "Refused" in digits("reports", "show", "mine")
    assert "no model package" in digits("models").lower()
    assert "approved" in digits("doctor", status=1)

    folder = tmp_path_factory.mktemp("mine")
    _write_data_set(folder)
    assert "200 images" in digits("dataset", "mine", "--from", folder)
    assert "Started" in digits("tune", "mine", "--trials", "1", "--epochs", "1")
    (code,) = s3.list_objects_v2(Bucket=bucket, Prefix="code/")["Contents"]
    assert s3.get_object(Bucket=bucket, Key=code["Key"])["Body"].read() == source.pack()


@pytest.mark.parametrize("command", ["demo", "up"])
def test_what_needs_the_local_cloud_says_which_extra_is_missing(
    plain: Path, tmp_path: Path, command: str
) -> None:
    """A plain installation names the packages that it lacks and what installs them."""
    done = _attempt(plain, command, cwd=tmp_path)
    assert done.returncode == 1
    assert f"digits {command}: expected the packages of the extra `local`" in done.stdout
    assert "moto, optuna" in done.stdout
    assert "Install digit-batch[local]" in done.stdout
    assert "Traceback" not in done.stdout


def _install(wheel: Path, name: str, folder: Path) -> Path:
    """Install the wheel into a new environment; returns its `digits`.

    The packages that it requires, and none besides, are links to those of this environment, which has the
    versions of constraints.txt: pip then finds each requirement met, or fails, and downloads nothing.
    """
    python = folder / "bin" / "python"
    _run(sys.executable, "-m", "venv", "--without-pip", folder)
    (site,) = folder.glob("lib/python*/site-packages")
    for found in [*_required(wheel, name), distribution("pip")]:
        for top in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
            if not (site / top).exists():  # a namespace is shared by several
                (site / top).symlink_to(Path(str(found.locate_file(top))).resolve())
    extra = name.removeprefix("digit-batch")
    _run(sys.executable, "-m", "pip", "--python", python, "install", "--no-index", f"{wheel}{extra}")
    return folder / "bin" / "digits"


def _required(wheel: Path, name: str) -> list[Distribution]:
    """The distributions that a requirement of the wheel brings, those of its dependencies included."""
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [file for file in archive.namelist() if file.endswith(".dist-info/METADATA")]
        lines = archive.read(metadata).decode().partition("\n\n")[0].splitlines()
    own = [line.removeprefix("Requires-Dist: ") for line in lines if line.startswith("Requires-Dist: ")]
    waiting, found = [Requirement(name)], dict[str, Distribution | None]()
    seen = set[str]()
    while waiting:
        requirement = waiting.pop()
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        is_own = requirement.name == "digit-batch"
        found[requirement.name] = None if is_own else distribution(requirement.name)
        requires = own if is_own else distribution(requirement.name).requires or []
        for child in map(Requirement, requires):
            extras = ("", *requirement.extras)
            if child.marker is None or any(child.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(child)
    return [each for each in found.values() if each]


def _attempt(
    program: Path, *words: str | Path, cwd: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a program with a few variables of its own; its output and its errors are one text."""
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL") if name in os.environ}
    return subprocess.run(
        [program, *words],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "HOME": str(cwd), "COLUMNS": "200", **kept, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout


def _until(look: Callable[[], Found | None]) -> Found:
    """What `look` returns once it is something; a failure after two minutes without."""
    for _ in range(240):
        if found := look():
            return found
        time.sleep(0.5)
    pytest.fail("expected something within two minutes, found nothing")


def _s3(exported: dict[str, str]) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=exported["AWS_ENDPOINT_URL"],
        region_name=exported["AWS_DEFAULT_REGION"],
        aws_access_key_id=exported["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=exported["AWS_SECRET_ACCESS_KEY"],
    )


def _write_data_set(folder: Path) -> None:
    """MNIST's four files with 200 random images each, light ink on dark ground."""
    for seed, part in enumerate(("train", "t10k")):
        drawn = np.random.default_rng(seed)
        images = drawn.integers(0, 256, (200, 28, 28)) * (drawn.random((200, 28, 28)) < 0.2)
        digits = Digits(images.astype(np.uint8), np.arange(200, dtype=np.uint8) % 10)
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(digits.images))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx(digits.labels))
