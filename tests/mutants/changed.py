"""Which lines were changed since a commit."""

import re
import subprocess
from pathlib import Path

from tests.mutants.workshop import PROJECT

COMMITS = 10  # looked back where nothing else says what is new
_HUNK = re.compile(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@")


def base(project: Path = PROJECT) -> str | None:
    """Where the work began: at origin/main, or ten commits ago on main itself; None without a history."""
    head = _git(project, "rev-parse", "HEAD")
    begun = _git(project, "merge-base", "HEAD", "origin/main")
    if begun and begun != head:
        return begun
    commits = (
        _git(project, "rev-list", "--first-parent", f"--max-count={COMMITS + 1}", "HEAD") or ""
    ).split()
    return commits[-1] if len(commits) > 1 else None


def lines(since: str, roots: tuple[str, ...], project: Path = PROJECT) -> dict[str, set[int]]:
    """The lines of each file that a commit didn't have, also where they aren't committed."""
    found: dict[str, set[int]] = {}
    file = ""
    for line in (
        _git(project, "diff", "--unified=0", "--no-color", "--no-ext-diff", since, "--", *roots) or ""
    ).splitlines():
        if line.startswith("+++ "):
            file = line.removeprefix("+++ ").removeprefix("b/")
        elif hunk := _HUNK.match(line):
            begin, number = int(hunk[1]), int(hunk[2] or 1)
            found.setdefault(file, set()).update(range(begin, begin + number))
    return found


def _git(project: Path, *arguments: str) -> str | None:
    """What git says; None where it fails."""
    done = subprocess.run(["git", *arguments], cwd=project, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None
