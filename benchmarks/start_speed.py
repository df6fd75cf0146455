"""start_transform's work on a large manifest, without S3: throughput relative to parsing, and peak memory.

All checks of the lines are on. The peak includes the manifest itself, which is in memory here.
"""

import sys
from collections.abc import Sequence
from typing import Any

from batch_prediction.layout import Run
from batch_prediction.start import transform_input
from benchmarks.measuring import MAX_LINES, Figure, arguments, conclude, interleaved, parse_all, peak_of
from benchmarks.memory_s3 import MemoryS3
from benchmarks.sample_settings import SETTINGS

RUN = Run("measured", "20261122t154022z-1a2b3c4d")
KEY = f"incoming/{RUN.batch}/manifest.jsonl"


def manifest_lines(count: int) -> list[bytes]:
    """A manifest as shown in README.md, all lines different."""
    return [b'{"file_name": "%07d.png", "label": %d}' % (number, number % 10) for number in range(count)]


def prepare(lines: int) -> Any:
    """An S3 with a manifest of `lines`."""
    return MemoryS3({KEY: b"\n".join(manifest_lines(lines))})


def write(s3: Any) -> transform_input.TransformInput:
    """Check the manifest, and write the input of its transform job."""
    return transform_input.write(s3, SETTINGS.bucket, RUN, KEY, "version", SETTINGS.max_images)


def once(lines: int) -> None:
    """Write the input of a manifest of `lines`, discarding the output."""
    s3 = prepare(lines)
    s3.kept = False
    write(s3)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    given = arguments(__doc__, argv, MAX_LINES)
    peak = peak_of("start_speed", given.lines)
    s3, lines = prepare(given.lines), manifest_lines(given.lines)
    s3.kept = False
    parsing, writing = interleaved(given.rounds, lambda: parse_all(lines), lambda: write(s3))
    figures = [
        Figure("start_transform, throughput as a share of parsing", parsing / writing, 0.06, at_least=True),
        Figure("start_transform, peak memory in MB", peak / 1e6, 512),
    ]
    return conclude(figures, given.check)


if __name__ == "__main__":
    sys.exit(main())
