"""What all benchmarks share: arguments, processor time of two sides in turns, peak memory, the verdict."""

import argparse
import gc
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

ROOT = Path(__file__).parents[1]
MAX_LINES = 1_000_000


@dataclass(frozen=True)
class Figure:
    """One measured figure beside its goal, which it has to reach (`at_least`) or must not exceed."""

    what: str
    value: float
    goal: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    def __str__(self) -> str:
        bound = "at least" if self.at_least else "at most"
        outcome = "met" if self.met else "missed"
        return f"{self.what}: {self.value:.3g} (goal: {bound} {self.goal:g}): {outcome}"


def arguments(
    description: str | None, argv: Sequence[str] | None, lines: int | None = None
) -> argparse.Namespace:
    """Parse `rounds`, `check` and, for a benchmark over `lines`, their number."""
    parser = argparse.ArgumentParser(description=description)
    if lines is not None:
        parser.add_argument("--lines", type=_line_count, default=lines, help="lines or records (%(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each side (%(default)s)")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a goal is missed")
    return parser.parse_args(argv)


def conclude(figures: Iterable[Figure], check: bool) -> int:
    """Print the figures; the exit status: 1 when `check` is wanted and a goal is missed."""
    missed = False
    for figure in figures:
        print(figure)
        missed |= not figure.met
    return int(missed and check)


def in_turns(rounds: int, *sides: Callable[[], object]) -> list[float]:
    """The least processor time of each side, in seconds; the sides take turns, so that noise meets all."""
    least = [float("inf")] * len(sides)
    for _ in range(rounds):
        for number, side in enumerate(sides):
            gc.collect()
            begun = time.process_time()
            side()
            least[number] = min(least[number], time.process_time() - begun)
    return least


def parse_all(lines: Sequence[bytes], times: int = 1) -> None:
    """The loop that throughput is compared with: parse every line with orjson, and do nothing else."""
    for _ in range(times):
        for line in lines:
            orjson.loads(line)


def peak_of(benchmark: str, lines: int) -> float:
    """The peak memory, in bytes, of a fresh interpreter that calls the `once(lines)` of a benchmark.

    A shell stands between, and forks: a program that is started directly inherits its parent's peak
    (getrusage(2): execve keeps ru_maxrss).
    """
    imports = f"from benchmarks import measuring, {benchmark}"
    program = f"{imports}; {benchmark}.once({lines}); measuring.print_peak()"
    command = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", program]
    return float(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout)


def print_peak() -> None:
    """Print the peak memory of this interpreter, in bytes; Linux counts KiB, macOS bytes."""
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def _line_count(text: str) -> int:
    lines = int(text)
    if not 1 <= lines <= MAX_LINES:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to {MAX_LINES}, found {lines}")
    return lines
