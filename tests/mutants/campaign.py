"""All bugs below a folder, or those of a room or of changed lines: planted, judged, written down."""

import hashlib
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.equivalent import equivalents
from tests.mutants.judge import Record, Verdict, judge_all, prepare
from tests.mutants.operators import Mutant, mutants
from tests.mutants.reach import LONGEST, LONGEST_AGAIN, measure
from tests.mutants.workshop import Workshop

AT_LEAST = 30.0  # seconds of planting, however long the tests took to be measured
_FOLLOWED_FROM = ("functions", "training", "tests", "template.yaml", "pyproject.toml")  # what tests read


@dataclass(frozen=True)
class Campaign:
    """What is asked for, and where it is written down."""

    project: Path
    out: Path
    processes: int
    worlds: int = 100  # simulated for what no test of functions/ sees
    room: str = ""  # a folder or a file; empty: all
    lines: dict[str, set[int]] | None = None  # those of each file that are asked for; None: all
    again: bool = False  # only what survived the last time
    seed: int = 0  # of the sample, where there isn't time for all

    def bugs(self, root: str) -> list[Mutant]:
        """Those that are asked for below a folder."""
        return [
            mutant
            for file, source in self.sources(root).items()
            if f"{file}/".startswith(f"{self.room.rstrip('/')}/") or not self.room
            if self.lines is None or file in self.lines
            for mutant in mutants(file, source)
            if self.lines is None or self.lines[file] & set(range(mutant.lines[0], mutant.lines[1] + 1))
        ]

    def sources(self, root: str) -> dict[str, str]:
        """The Python files below a folder."""
        files = sorted((self.project / root).rglob("*.py"))
        return {str(file.relative_to(self.project)): file.read_text() for file in files}

    def verdicts(self, root: str, bugs: list[Mutant], deadline: float = float("inf")) -> Iterator[Verdict]:
        """Of these bugs below a folder: the known ones, then the others as they come, until it is too late.

        `deadline` is as time.monotonic has it; where there is one, the others are in an order by chance, at
        least half a minute is for them, and the tests that see them are the nearest ones and the simulator.
        """
        self.out.mkdir(parents=True, exist_ok=True)
        record, judged = Record(self.out / "verdicts.jsonl", self._state()), equivalents()
        left = []
        for bug in bugs:
            last = record.last.get(bug.key)
            if bug.key in judged or (self.again and (last is None or last.killed_by)):
                continue
            if bug.key in record.known and not self.again:
                yield record.known[bug.key]
            else:
                left.append(bug)
        if deadline < float("inf"):
            random.Random(self.seed).shuffle(left)  # noqa: S311 # a sample, no secret
        print(f"{root}: {len(left):,} to plant, of {len(bugs):,} bugs", flush=True)
        if left:
            yield from self._judged(root, left, record, deadline)

    def _judged(self, root: str, bugs: list[Mutant], record: Record, deadline: float) -> Iterator[Verdict]:
        name = root.replace("/", "-")
        shops = [Workshop(self.out, self.project) for _ in range(self.processes)]
        try:
            longest = LONGEST_AGAIN if self.again else LONGEST
            only = {bug.file for bug in bugs} if deadline < float("inf") else None
            reach = measure(shops, root, self.out / f"reach-{name}.json", longest, only)
            prepare(shops, reach, root.partition("/")[0])
            begun, sources = time.monotonic(), self.sources(root)
            deadline = max(deadline, begun + AT_LEAST)
            all_judged = judge_all(shops, reach, bugs, sources, record, deadline, self.worlds)
            for number, verdict in enumerate(all_judged, 1):
                yield verdict
                if number % 50 == 0 or number == len(bugs):
                    seconds = (time.monotonic() - begun) / number
                    print(f"{root}: {number:,} of {len(bugs):,}, {seconds:.2f} s each", flush=True)
        finally:
            for shop in shops:
                shop.close()

    def _state(self) -> str:
        """What the verdicts follow from: the sources, and the tests without this tool."""
        digest = hashlib.sha256()
        for name in _FOLLOWED_FROM:
            path = self.project / name
            for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
                if file.exists() and not file.is_relative_to(self.project / "tests" / "mutants"):
                    digest.update(str(file.relative_to(self.project)).encode() + b"\0" + file.read_bytes())
        return digest.hexdigest()[:12]
