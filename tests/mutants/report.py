"""What was planted and what survived, as text."""

from collections.abc import Collection, Sequence
from math import ceil

from scipy.stats import binomtest

from tests.mutants.judge import Verdict
from tests.mutants.operators import Mutant


def table(
    bugs: Sequence[Mutant], verdicts: Sequence[Verdict], equivalent: Collection[tuple[str, str, str]]
) -> str:
    """The figures by room, as a table of Markdown."""
    lines = [
        "| room | bugs | planted | killed | survived | equivalent |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    for room in sorted({bug.room for bug in bugs}):
        here, judged = (
            [bug for bug in bugs if bug.room == room],
            [found for found in verdicts if found.room == room],
        )
        alive = sum(found.killed_by is None for found in judged)
        same = sum(bug.key in equivalent for bug in here)
        figures = (len(here), len(judged), len(judged) - alive, alive, same)
        lines.append(f"| `{room}/` | {' | '.join(f'{figure:,}' for figure in figures)} |")
    return "\n".join(lines)


def survivor(verdict: Verdict) -> str:
    """What was planted, and what didn't see it."""
    where = f"in {verdict.function}" if verdict.function else "outside of functions"
    return f"survived {verdict.tests} tests, {where}:\n```diff\n{verdict.diff}\n```\n`{verdict.change}`"


def holds(verdicts: Sequence[Verdict], goal: float, bugs: int) -> bool:
    """Whether so large a share of all `bugs` was killed; of a few, one may survive.

    Where there was time for some of them only, they are a sample: then unless more survived than chance
    explains where the goal holds (the binomial test, one-sided, 1 %).
    """
    planted, alive = len(verdicts), sum(verdict.killed_by is None for verdict in verdicts)
    if 0 < planted < bugs:
        return bool(binomtest(alive, planted, 1 - goal, alternative="greater").pvalue >= 0.01)
    return alive <= ceil(round((1 - goal) * planted, 6))
