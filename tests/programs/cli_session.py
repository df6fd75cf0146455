"""A session with the real `sam` and `aws`: the project's files, a shell's variables, and nothing else."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROGRAMS = [Path(sys.executable).parent, ROOT / ".venv-sam" / "bin", ROOT / ".venv-aws" / "bin"]
PROJECT = ("functions", "template.yaml", "samconfig.toml")


@dataclass(frozen=True)
class CliSession:
    """A folder with the files that `sam` deploys, and the variables that `digits up` prints."""

    folder: Path
    variables: dict[str, str]

    @classmethod
    def set_up(cls, folder: Path, exported: dict[str, str]) -> "CliSession":
        """Copy the project's files into a new folder; a person's own settings and profiles are left out."""
        folder.mkdir()
        for name in PROJECT:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, folder / name)
        variables = {
            "PATH": os.pathsep.join([*map(str, PROGRAMS), "/usr/bin", "/bin"]),
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "SAM_CLI_TELEMETRY": "0",
            "AWS_EC2_METADATA_DISABLED": "true",
            **exported,
        }
        for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE", "HTTPS_PROXY", "NO_PROXY"):
            variables |= {name: os.environ[name]} if name in os.environ else {}
        return cls(folder, variables)

    def attempt(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a program; its output and its errors are one text."""
        return subprocess.run(
            [str(word) for word in command],
            cwd=self.folder,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def run(self, *command: str | Path) -> str:
        """Run a program that has to succeed."""
        done = self.attempt(*command)
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        return done.stdout

    def sam(self, *words: str | Path, fails: bool = False) -> str:
        """Run `sam`."""
        done = self.attempt("sam", *words)
        assert (done.returncode != 0) == fails, done.stdout
        return done.stdout

    def aws(self, *words: str | Path) -> Any:
        """Run `aws`; return its JSON, parsed, or its text."""
        out = self.run("aws", *words)
        try:
            return json.loads(out)
        except ValueError:
            return out


def reasons(table: str) -> str:
    """The fourth column of sam's table of stack events, which sam wraps anywhere, without white space."""
    start = next(line for line in table.splitlines() if "ResourceStatusReason" in line).index(
        "ResourceStatusReason"
    )
    return re.sub(r"\s", "", "".join(line[start:] for line in table.splitlines()))
