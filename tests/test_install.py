"""Installation: the error for an unsupported Python version."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def install(folder: Path, python: str) -> subprocess.CompletedProcess[str]:
    """Run the installation with a Python that behaves as the shell script says."""
    stand_in = folder / "python"
    stand_in.write_text(f"#!/bin/sh\n{python}\n")
    stand_in.chmod(0o755)
    return subprocess.run(
        ["sh", ROOT / "install.sh", folder / "venv"],
        env={"PATH": "/usr/bin:/bin", "PYTHON": str(stand_in)},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


# The stand-in is asked for its version, or given code with -c.
TOO_OLD = 'case "$*" in --version) echo Python 3.9.2;; *) exit 1;; esac'
NO_VENV = 'case "$*" in --version) echo Python 3.13.1;; *ensurepip*) exit 1;; *) exit 0;; esac'


@pytest.mark.parametrize(
    ("python", "said"),
    [
        (
            TOO_OLD,
            ["needs Python 3.11 to 3.14, and found: Python 3.9.2", "apt-get install python3", "brew install"],
        ),
        (NO_VENV, ["needs Python's venv module, which Python 3.13.1", "apt-get install python3-venv"]),
    ],
)
def test_a_python_that_does_not_fit_is_named_with_what_to_install(
    tmp_path: Path, python: str, said: list[str]
) -> None:
    """A too old Python, or one without its venv module, ends the installation before anything is made."""
    done = install(tmp_path, python)
    assert done.returncode == 1
    for text in said:
        assert text in done.stderr
    assert not (tmp_path / "venv").exists()
