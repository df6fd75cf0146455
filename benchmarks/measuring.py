"""What all benchmarks share: arguments, interleaved CPU times, peak memory, the verdict."""

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
    """One measured figure with its goal, which it has to reach (`at_least`) or must not exceed."""

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
    parser.add_argument("--rounds", type=int, default=7, help="measurements of each candidate (%(default)s)")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a goal is missed")
    return parser.parse_args(argv)


def conclude(figures: Iterable[Figure], check: bool) -> int:
    """Print the figures; returns the exit status, 1 if `check` is set and a goal is missed."""
    missed = False
    for figure in figures:
        print(figure)
        missed |= not figure.met
    return int(missed and check)


def interleaved(rounds: int, *candidates: Callable[[], object]) -> list[float]:
    """The least CPU time of each candidate, in seconds; they take turns, so that noise affects them all."""
    fastest = [float("inf")] * len(candidates)
    for _ in range(rounds):
        for number, candidate in enumerate(candidates):
            gc.collect()
            begun = time.process_time()
            candidate()
            fastest[number] = min(fastest[number], time.process_time() - begun)
    return fastest


def parse_all(lines: Sequence[bytes], times: int = 1) -> None:
    """The baseline of throughput: parse every line with orjson, and do nothing else."""
    for _ in range(times):
        for line in lines:
            orjson.loads(line)


def peak_of(benchmark: str, lines: int) -> float:
    """The peak memory, in bytes, of a fresh interpreter that calls the `once(lines)` of a benchmark.

    It is started through a shell, which forks: a program that is started directly inherits its parent's peak
    (getrusage(2): execve keeps ru_maxrss).
    """
    imports = f"from benchmarks import measuring, {benchmark}"
    program = f"{imports}; {benchmark}.once({lines}); measuring.print_peak()"
    command = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", program]
    return float(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout)


def print_peak() -> None:
    """Print the peak memory of this interpreter, in bytes."""
    print(peak())


def peak() -> float:
    """The peak memory of this interpreter, in bytes; Linux counts KiB, macOS bytes."""
    return float(
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    )


def _line_count(text: str) -> int:
    lines = int(text)
    if not 1 <= lines <= MAX_LINES:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to {MAX_LINES}, found {lines}")
    return lines
