"""Plant bugs in template.yaml, one at a time, and see which of them no test in tests/template sees.

The tests are imported once. Each bug is planted in a child of this process, which runs them until the first
fails; the one that failed last comes first, and those next to it, since neighbouring bugs fail the same ones.
"""

import argparse
import gc
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pytest

from localcloud.cloudformation.sam import parse
from tests.mutants.template_bugs import Bug, bugs, differs
from tests.mutants.template_equivalent import EQUIVALENT
from tests.template.document import ROOT, template

GOAL = 0.95  # of the bugs that aren't equivalent
LONGEST = 60  # seconds of processor, ten times as long by the clock: then the tests have seen a bug
PLUGINS = ("terminal", "cacheprovider", "xdist", "faulthandler", "capture")
OPTIONS = (*(f"-pno:{name}" for name in PLUGINS), "--assert=plain", "-oaddopts=--import-mode=importlib")
Fate = Literal["killed", "survived", "equivalent"]


@dataclass(frozen=True)
class Outcome:
    """What became of a bug: the test that failed, or the reason for which none can."""

    bug: Bug
    fate: Fate
    why: str = ""


class BrokenTestsError(Exception):
    """The tests fail without any bug."""


class _Planter:
    """A plugin of pytest, which plants bugs instead of running the tests once."""

    def __init__(self, planted: Sequence[Bug], deadline: float) -> None:
        self.planted = planted
        self.deadline = deadline
        self.outcomes: list[Outcome] = []
        self.broken = ""
        self._failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure, in the child."""
        self._failed = self._failed or report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Plant one bug after the other until the time is over."""
        items = list(session.items)
        gc.freeze()  # the children then copy less memory
        self.broken = self._in_a_child(items, None)
        for number, bug in enumerate(self.planted):
            if self.broken or time.monotonic() > self.deadline:
                break
            killer = self._in_a_child(items, bug)
            reason = EQUIVALENT.get(str(bug), "")
            fate: Fate = "killed" if killer else "equivalent" if reason else "survived"
            self.outcomes.append(Outcome(bug, fate, killer or reason))
            _progress(number + 1, len(self.planted), self.outcomes[-1])
        return True

    def _in_a_child(self, items: list[pytest.Item], bug: Bug | None) -> str:
        """The first test that fails with a bug; empty where all pass."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(reading)
                signal.setitimer(signal.ITIMER_PROF, LONGEST)
                signal.alarm(10 * LONGEST)
                os.write(writing, str(self._first_failure(items, bug)).encode())
            finally:  # whatever happens, a child never goes on as the parent
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            answer = pipe.read()
        os.waitpid(child, 0)
        if not answer:
            return f"the tests end with an error, or last longer than {LONGEST} seconds"
        if answer == "None":
            return ""
        killer = items[int(answer)]
        items.sort(
            key=lambda item: (
                item is not killer,
                _function(item) != _function(killer),
                item.path != killer.path,
            )
        )
        return killer.nodeid

    def _first_failure(self, items: list[pytest.Item], bug: Bug | None) -> int | None:
        if bug is not None:
            bug.plant(template())
        for number, item in enumerate(items):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            if self._failed:
                return number
        return None


def _function(item: pytest.Item) -> str:
    """A test's place and name, without its parameters."""
    return item.nodeid.partition("[")[0]


def _progress(done: int, planted: int, outcome: Outcome) -> None:
    if outcome.fate == "survived":
        print(f"survived: {outcome.bug}", flush=True)
    elif done % 100 == 0:
        print(f"template.yaml: {done:,} of {planted:,}", flush=True)


def run(
    budget_seconds: float = float("inf"),
    only: str = "",
    sample: int | None = None,
    seed: int = 0,
    since: str = "",
    tests: Sequence[str] = ("tests/template",),
) -> list[Outcome]:
    """Plant bugs until the time is over; survivors are printed as they are found.

    `only` is part of a bug's text or its resource's type; `since` is a commit, and what template.yaml had
    then is left out; `sample` takes so many of them. With it, or where the time may be short, their order is
    that of chance, by `seed`. Raise BrokenTestsError where a test fails without any bug.
    """
    planted = [bug for bug in bugs(template()) if only in f"{bug.kind} {bug}"]
    if since:
        command = ["git", "show", f"{since}:template.yaml"]
        before = parse(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
        planted = [bug for bug in planted if differs(bug, before, template())]
    if sample is not None or budget_seconds < float("inf"):
        random.Random(seed).shuffle(planted)  # noqa: S311 no secret
        planted = planted[:sample]
    return plant(planted, budget_seconds, tests)


def plant(
    planted: Sequence[Bug], budget_seconds: float = float("inf"), tests: Sequence[str] = ("tests/template",)
) -> list[Outcome]:
    """Plant these bugs, in their order; as `run`."""
    planter = _Planter(planted, time.monotonic() + budget_seconds)
    status = pytest.main([*OPTIONS, *(str(ROOT / folder) for folder in tests)], plugins=[planter])
    if planter.broken or status is not pytest.ExitCode.OK:
        raise BrokenTestsError(
            f"{', '.join(tests)}: expected tests that pass, found {planter.broken or status!r}"
        )
    if len(planter.outcomes) < len(planted):
        print(f"template.yaml: {len(planter.outcomes):,} of {len(planted):,}, then the time was over")
    return planter.outcomes


def share(outcomes: Sequence[Outcome]) -> float:
    """How many of the bugs that aren't equivalent were killed, from 0 to 1; of none, all were."""
    fates = Counter(outcome.fate for outcome in outcomes)
    planted = fates["killed"] + fates["survived"]
    return fates["killed"] / planted if planted else 1.0


def table(outcomes: Sequence[Outcome]) -> str:
    """The figures by type of resource, as a table of Markdown."""
    lines = [
        "| in template.yaml | planted | killed | survived | equivalent |",
        "| --- | --: | --: | --: | --: |",
    ]
    kinds = sorted({outcome.bug.kind for outcome in outcomes})
    for name, kept in [(kind, {kind}) for kind in kinds] + [("all", set(kinds))]:
        fates = Counter(outcome.fate for outcome in outcomes if outcome.bug.kind in kept)
        figures = [fates.total(), fates["killed"], fates["survived"], fates["equivalent"]]
        lines.append(f"| {name} | {' | '.join(f'{figure:,}' for figure in figures)} |")
    return "\n".join(lines)


def main() -> int:
    """Plant, print the table; the exit status says whether the goal holds."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants.template", description=__doc__)
    parser.add_argument(
        "--budget", type=float, default=float("inf"), metavar="MINUTES", help="stop after so long"
    )
    parser.add_argument("--only", default="", help="part of a bug's text, or of a type of resource")
    parser.add_argument("--since", default="", metavar="COMMIT", help="only in what has changed since then")
    parser.add_argument("--sample", type=int, metavar="N", help="plant N bugs, chosen by chance")
    parser.add_argument("--seed", type=int, default=0, help="of that choice (default: %(default)s)")
    given = parser.parse_args()
    outcomes = run(given.budget * 60, given.only, given.sample, given.seed, given.since)
    print(f"\n{table(outcomes)}\n\nkilled: {share(outcomes):.1%} (goal: {GOAL:.0%})")
    return 0 if share(outcomes) >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
