"""Which tests can see a bug: those that execute its line, in the order in which they are tried."""

import ast
import hashlib
import json
import re
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.mutants.operators import Mutant
from tests.mutants.workshop import Workshop

TESTS = {  # what is run for the files below a folder
    "functions": ["tests/functions", "tests/test_requests.py"],
    "training/container": ["tests/container"],
}
_LAID_OUT = {
    "functions/batch_prediction/": "tests/functions/",
    "functions/": "tests/functions/",
    "training/container/": "tests/container/",
}
LONGEST, LONGEST_AGAIN = 10.0, 120.0  # CPU seconds of either for one bug; for one that survived that once


@dataclass(frozen=True)
class Reach:
    """Each line's tests, and each test's CPU seconds without shared fixtures, as measured without a bug."""

    lines: dict[str, dict[int, list[str]]]
    seconds: dict[str, float]
    shared: dict[str, dict[str, float]]  # what each uses of fixtures that several share, with CPU seconds
    imported: list[str]  # modules of packages
    folder: Path  # with the sources
    longest: float = LONGEST

    def tests(self, mutant: Mutant) -> tuple[list[str], list[str]]:
        """The file's own tests, then all others that execute the line; in each the quick ones first."""
        reaching = self._reaching(mutant)
        own = {test for test in self.seconds if test.partition("::")[0] == _own_file(mutant.file)}
        first = own if mutant.names else (own & reaching) or own
        return self._in_time(first), self._in_time(reaching - first)

    def _in_time(self, tests: set[str]) -> list[str]:
        """As many as there is time for."""
        chosen: list[str] = []
        for test in sorted(tests, key=lambda test: (self.cost([test]), test)):
            if chosen and self.cost([*chosen, test]) > self.longest:
                break
            chosen.append(test)
        return chosen

    def cost(self, tests: list[str]) -> float:
        """CPU seconds, those of a fixture once."""
        fixtures = {name: seconds for test in tests for name, seconds in self.shared[test].items()}
        return sum(self.seconds[test] for test in tests) + sum(fixtures.values())

    def _reaching(self, mutant: Mutant) -> set[str]:
        if not mutant.names:
            lines = self.lines.get(mutant.file, {})
            return {
                test
                for at in range(mutant.reached_by[0], mutant.reached_by[1] + 1)
                for test in lines.get(at, ())
            }
        # The import runs it: the tests matter that execute a line which says its name.
        said = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in mutant.names))
        return {
            test
            for file, lines in self.lines.items()
            for at, text in enumerate((self.folder / file).read_text().splitlines(), 1)
            if said.search(text)
            for test in lines.get(at, ())
        }


def _own_file(file: str) -> str:
    """The tests that are laid out like it (tests/test_suite.py)."""
    for folder, tests in _LAID_OUT.items():
        if file.startswith(folder):
            room, _, name = file.removeprefix(folder).rpartition("/")
            return f"{tests}{room}{'/' if room else ''}test_{name}"
    raise ValueError(f"{file}: expected a file below {', '.join(_LAID_OUT)}")


def nearest(file: str, tests: dict[str, str]) -> set[str]:
    """Of the tests' files, given with their texts, those laid out beside a file's own, or that import it."""
    own, name = _own_file(file), Path(file).stem
    beside = f"{own.rpartition('/')[0]}/" if own.count("/") > 2 else own  # not of a whole folder of TESTS
    return {test for test, text in tests.items() if test.startswith(beside) or name in _imported(text)}


def _imported(text: str) -> set[str]:
    """The last words of all modules that a file imports, and what it imports from them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found |= {name.rpartition(".")[2] for name in [*modules, *(alias.name for alias in node.names)]}
    return found


def measure(
    shops: list[Workshop],
    root: str,
    kept: Path,
    longest: float = LONGEST,
    only: Collection[str] | None = None,
) -> Reach:
    """Run the tests without a bug: all of them, or where the sources are the same those that were changed.

    Where there isn't time for all, `only` names the files that bugs are planted in: their nearest tests run.
    """
    folder = shops[0].folder
    sources = _digest([Path(__file__).with_name("zygote.py"), *sorted((folder / root).rglob("*.py"))])
    found = json.loads(kept.read_text()) if kept.exists() else {}
    if found.get("sources") != sources:
        found = {"sources": sources, "files": {}, "imported": []}
    files = {str(file.relative_to(folder)): _digest([file]) for file in _test_files(folder, TESTS[root])}
    old = {name: part for name, part in found["files"].items() if files.get(name) == part["digest"]}
    texts = {name: (folder / name).read_text() for name in files}
    wanted = files.keys() if only is None else {test for file in only for test in nearest(file, texts)}
    if new := [name for name in files if name in wanted and name not in old]:
        old |= {name: {"digest": files[name], "seconds": {}, "shared": {}, "lines": {}} for name in new}
        parts = [new[number :: len(shops)] for number in range(len(shops))]
        with ThreadPoolExecutor(len(shops)) as threads:
            answers = threads.map(lambda shop, part: shop.order(map=part) if part else {}, shops, parts)
        for answer in filter(None, answers):
            if answer.get("failed") or "lines" not in answer:
                found = answer.get("failed") or answer
                raise SystemExit(f"without a bug: expected tests that pass, found {found}")
            for measured in ("seconds", "shared", "lines"):
                for test, value in answer[measured].items():
                    old[test.partition("::")[0]][measured][test] = value
            found["imported"] = sorted({*found["imported"], *answer["imported"]})
        found["files"] = old
        kept.write_text(json.dumps(found))
    return _reach(found, folder, longest)


def _reach(found: dict[str, Any], folder: Path, longest: float) -> Reach:
    reach = Reach({}, {}, {}, found["imported"], folder, longest)
    for part in found["files"].values():
        reach.seconds.update(part["seconds"])
        reach.shared.update(part["shared"])
        for test, files in part["lines"].items():
            for file, lines in files.items():
                for line in lines:
                    reach.lines.setdefault(file, {}).setdefault(line, []).append(test)
    return reach


def _test_files(folder: Path, tests: list[str]) -> list[Path]:
    paths = [folder / name for name in tests]
    found = [[path] if path.suffix else sorted(path.rglob("test_*.py")) for path in paths]
    return [file for files in found for file in files if file.exists()]


def _digest(files: list[Path]) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
