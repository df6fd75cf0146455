"""Whether the tests see a bug: its file's own first, then mypy, all that execute its line, the simulator."""

import json
import shutil
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.operators import Mutant
from tests.mutants.reach import Reach
from tests.mutants.workshop import Workshop

FEWEST = 5.0  # CPU seconds for a bug's tests, however few they are
FOLD = 3  # times as long as without the bug


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant."""

    file: str
    function: str
    change: str
    line: int
    killed_by: str | None  # None: it survived
    tests: int  # that were run at most
    diff: str = ""  # of a survivor

    @property
    def key(self) -> tuple[str, str, str]:
        """As a mutant's."""
        return self.file, self.function, self.change

    @property
    def room(self) -> str:
        """The folder of the file."""
        return self.file.rpartition("/")[0]


class Record:
    """The verdicts in a file, a line each: what is known of the same sources and tests isn't asked again."""

    def __init__(self, file: Path, state: str) -> None:
        self.file, self.state = file, state
        self.known: dict[tuple[str, str, str], Verdict] = {}
        self.last: dict[tuple[str, str, str], Verdict] = {}
        for line in file.read_text().splitlines() if file.exists() else ():
            at, fields = json.loads(line)
            verdict = Verdict(**fields)
            self.last[verdict.key] = verdict
            if at == state:
                self.known[verdict.key] = verdict

    def add(self, verdict: Verdict) -> None:
        """Write one down."""
        self.known[verdict.key] = verdict
        with self.file.open("a") as record:
            record.write(json.dumps([self.state, asdict(verdict)]) + "\n")


def judge(
    shop: Workshop, reach: Reach, mutant: Mutant, right: str, worlds: int, killer: str | None = None
) -> Verdict:
    """Ask one after the other until one sees the bug; `killer` did when the tests were others."""
    own, others = reach.tests(mutant)

    def run(tests: list[str]) -> str | None:
        found: str | None = None
        if tests:
            found = shop.order(tests=tests, seconds=FEWEST + FOLD * reach.cost(tests))["killed_by"]
        return found

    with shop.planted(mutant.file, mutant.source):
        killed_by = (
            run([killer] if killer in reach.seconds else [])
            or run(own)
            or shop.types(mutant.file.partition("/")[0])
            or run(others)
            or (shop.worlds(worlds) if mutant.file.startswith("functions/") and worlds else None)
        )
    survived = "" if killed_by else mutant.diff(right)
    return Verdict(*mutant.key, mutant.lines[0], killed_by, len({*own, *others}), survived)


def judge_all(
    shops: list[Workshop],
    reach: Reach,
    mutants: Iterable[Mutant],
    sources: dict[str, str],
    record: Record,
    deadline: float,
    worlds: int,
) -> Iterator[Verdict]:
    """The verdicts as they come, by as many threads as there are workshops, until the time is over."""
    free: SimpleQueue[Workshop] = SimpleQueue()
    for shop in shops:
        free.put(shop)

    def one(mutant: Mutant) -> Verdict | None:
        if time.monotonic() > deadline:
            return None
        shop = free.get()
        try:
            last = record.last.get(mutant.key)
            return judge(shop, reach, mutant, sources[mutant.file], worlds, last.killed_by if last else None)
        finally:
            free.put(shop)

    with ThreadPoolExecutor(len(shops)) as threads:
        for done in as_completed([threads.submit(one, mutant) for mutant in mutants]):
            if verdict := done.result():
                record.add(verdict)
                yield verdict


def prepare(shops: list[Workshop], reach: Reach, folder: str) -> None:
    """Let all processes import what the tests import, and all copies have mypy's cache of a folder."""
    first, *others = shops
    if found := first.types(folder):
        raise SystemExit(f"without a bug: expected types that fit, found {found}")
    for shop in others:
        shutil.copytree(first.folder / ".mypy_cache", shop.folder / ".mypy_cache")
    with ThreadPoolExecutor(len(shops)) as threads:
        list(threads.map(lambda shop: shop.order(**{"import": reach.imported}), shops))
