"""Drive the real handlers through seeded worlds until so many faults have happened, and check every world."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import count

from tests.simulation.day import WHOLE, Day, Size
from tests.simulation.properties import DUPLICATE, LOST, TOO_LATE, WRONG, violations
from tests.simulation.schedules import random_world

CHUNK = 25  # worlds that a process runs at once


def simulate(seed: int) -> tuple[Counter[str], list[tuple[str, str]]]:
    """Run one world: its faults and its violations."""
    world = random_world(seed)
    world.run()
    return +world.faults.counts, violations(world)


def _chunk(seeds: range) -> list[tuple[int, Counter[str], list[tuple[str, str]]]]:
    return [(seed, *simulate(seed)) for seed in seeds]


def search(
    faults: int, first: int, processes: int
) -> Iterator[tuple[int, Counter[str], list[tuple[str, str]]]]:
    """Worlds from seed `first` on, until `faults` have happened in them."""
    with ProcessPoolExecutor(processes) as pool:
        starts = count(first, CHUNK)
        happened = 0
        running = [
            pool.submit(_chunk, range(at, at + CHUNK)) for at in (next(starts) for _ in range(2 * processes))
        ]
        while running:
            for result in running.pop(0).result():
                happened += result[1].total()
                yield result
            if happened < faults:
                at = next(starts)
                running.append(pool.submit(_chunk, range(at, at + CHUNK)))


def replay(seed: int) -> int:
    """Run one world and print what happened in it; the exit status."""
    counts, broken = simulate(seed)
    print(f"seed {seed}: {counts.total()} faults: {dict(counts)}")
    for kind, text in broken:
        print(f"{kind}: {text}")
    return 1 if broken else 0


def day(seed: int, size: Size) -> int:
    """Run one day and print what it was like; the exit status."""
    begun = time.monotonic()
    world = Day(seed, size, lambda text: print(f"{text} ({time.monotonic() - begun:.0f} s)", flush=True))
    world.run()
    broken = world.violations()
    print("\n".join(broken[:20]) or "no violation", world.figures(), sep="\n")
    return 1 if broken else 0


def main() -> int:
    """Search, print the figures and every seed that fails; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument(
        "--faults", type=int, default=1_000_000, help="how many at least (default: %(default)s)"
    )
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="the first seed (default: 0)")
    parser.add_argument("--processes", type=int, default=2, help="at once (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="run the world of this seed alone, and print all of it")
    parser.add_argument(
        "--day", action="store_true", help="run a day of many batches instead, without faults"
    )
    parser.add_argument(
        "--batches", type=int, default=WHOLE.batches, help="of the day (default: %(default)s)"
    )
    parser.add_argument(
        "--burst", type=int, default=WHOLE.burst, help="of them in one minute (default: %(default)s)"
    )
    parser.add_argument(
        "--hours", type=float, default=WHOLE.hours, help="in which they come (default: %(default)s)"
    )
    parser.add_argument(
        "--quota", type=int, default=WHOLE.quota, help="transform jobs at once (default: %(default)s)"
    )
    parser.add_argument(
        "--job", type=float, default=WHOLE.job, help="seconds that one takes (default: %(default)s)"
    )
    given = parser.parse_args()
    if given.day:
        size = Size(given.batches, given.burst, given.hours, given.quota, given.job)
        return day(given.seed or 0, size)
    if given.seed is not None:
        return replay(given.seed)
    counts, found, begun, worlds = Counter[str](), Counter[str](), time.monotonic(), 0
    for seed, happened, broken in search(given.faults, given.first, given.processes):
        counts += happened
        worlds += 1
        found.update(kind for kind, _ in broken)
        for kind, text in broken:
            print(f"seed {seed}: {kind}: {text}\n  replay: python -m tests.simulation --seed {seed}")
        if worlds % (20 * CHUNK) == 0:
            print(
                f"{counts.total():,} faults in {worlds:,} worlds, {time.monotonic() - begun:.0f} s",
                flush=True,
            )
    print(f"{counts.total():,} faults in {worlds:,} worlds:")
    for name, number in counts.most_common():
        print(f"  {name}: {number:,}")
    print(", ".join(f"{kind}: {found[kind]}" for kind in (LOST, DUPLICATE, WRONG, TOO_LATE)))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
