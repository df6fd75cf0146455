"""Plant bugs one at a time, run the tests that can see each, and print those that no test sees.

The tests of the bug's file come first, then mypy, all others that execute its line, the simulator. What is
known is kept in out/mutants/: an interrupted run goes on, and after a change what killed a bug the last time
is tried first. The survivors are in out/mutants/survivors.md. The exit status says whether the goals hold: of
what isn't equivalent 95 % are killed in functions/ and template.yaml, 90 % in training/container/.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence

from tests.mutants import changed, report, template
from tests.mutants.campaign import AT_LEAST, Campaign
from tests.mutants.equivalent import equivalents
from tests.mutants.judge import Verdict
from tests.mutants.workshop import PROJECT

GOALS = {"functions": 0.95, "training/container": 0.9}
TEMPLATE = "template.yaml"
SAMPLE = 300  # of the template's bugs, where there isn't time for all


def main(arguments: Sequence[str] | None = None) -> int:
    """Plant, print; the exit status."""
    given = _parser().parse_args(arguments)
    lines = None
    if given.changed is not None:
        commit = given.changed or changed.base(PROJECT)
        if commit is None:
            print("no bug is planted: this checkout has no history to compare with")
            return 0
        lines = changed.lines(commit, (*GOALS, TEMPLATE), PROJECT)
    campaign = Campaign(
        PROJECT,
        PROJECT / "out" / "mutants",
        given.processes,
        given.worlds,
        given.room,
        lines,
        given.survivors,
        given.seed,
    )
    end = time.monotonic() + given.budget * 60
    found = {root: bugs for root in GOALS if (bugs := campaign.bugs(root))}
    of_template = (
        given.room in ("", TEMPLATE) and not given.survivors and (lines is None or TEMPLATE in lines)
    )
    parts = len(found) + of_template  # each has as much of the time that is left
    verdicts: list[Verdict] = []
    good = True
    for number, (root, bugs) in enumerate(found.items()):
        judged = []
        for verdict in campaign.verdicts(root, bugs, _share(end, parts - number)):
            judged.append(verdict)
            if verdict.killed_by is None:
                print(f"\n{report.survivor(verdict)}\n", flush=True)
        verdicts += judged
        different = sum(bug.key not in equivalents() for bug in bugs)
        good = good and report.holds(judged, GOALS[root], different)
        if different and not judged and not given.survivors:
            print(f"{root}: NOTHING WAS PLANTED, of {different:,} bugs: give more minutes", flush=True)
            good = False
    bugs = [bug for bugs in found.values() for bug in bugs]
    text = report.table(bugs, verdicts, equivalents())
    alive = [report.survivor(verdict) for verdict in verdicts if verdict.killed_by is None]
    campaign.out.mkdir(parents=True, exist_ok=True)
    (campaign.out / "survivors.md").write_text("\n\n".join([text, *alive]) + "\n")
    print(f"\n{text}\n", flush=True)
    if of_template:
        good = _template_holds(max(AT_LEAST, end - time.monotonic()), given.seed) and good
    print("the goals hold" if good else "the goals do not hold")
    return 0 if good else 1


def _share(end: float, parts: int) -> float:
    """When the first of the parts that are left has to be done."""
    now = time.monotonic()
    return now + (end - now) / parts


def _template_holds(seconds: float, seed: int) -> bool:
    """Plant the template's bugs: all, or as many of a sample as there is time for."""
    outcomes = template.run(seconds, sample=None if seconds == float("inf") else SAMPLE, seed=seed)
    print(f"\n{template.table(outcomes)}\n", flush=True)
    return not outcomes or template.share(outcomes) >= template.GOAL


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--room",
        default="",
        metavar="FOLDER",
        help="only below functions/batch_prediction/runs, say; or a file",
    )
    add(
        "--changed",
        nargs="?",
        const="",
        metavar="COMMIT",
        help="only in lines changed since it (default: since origin/main, on main itself since ten commits)",
    )
    add(
        "--survivors",
        action="store_true",
        help="only what survived the last time, with twelve times as long for its tests",
    )
    add(
        "--budget",
        type=float,
        default=float("inf"),
        metavar="MINUTES",
        help="stop after about so long; a sample is planted, and of the tests the nearest are run",
    )
    add("--seed", type=int, default=0, help="of that sample (default: %(default)s)")
    add(
        "--worlds",
        type=int,
        default=100,
        help="simulated for what no test of functions/ sees (default: %(default)s)",
    )
    add("--processes", type=int, default=os.cpu_count() or 1, help="at once (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
