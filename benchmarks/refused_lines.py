"""What a manifest takes of the functions' disks and memory when each of its lines is long, and refused.

A line has the 64 KiB that it may have, and begins with quotes, which JSON and CSV double; so does the reason
for which it is left out. start_transform reads the manifest, then write_report what was kept of it. S3
answers from memory; how long a real one would take to send 64 GiB isn't measured.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import PurePosixPath
from typing import IO, Any

from batch_prediction.layout import Run
from batch_prediction.manifests.text import MAX_LINE
from batch_prediction.report import write as report
from batch_prediction.runs import decision
from batch_prediction.runs.decision import Refuse
from batch_prediction.start import transform_input
from benchmarks.measuring import MAX_LINES, Figure, arguments, conclude, peak
from benchmarks.memory_s3 import MemoryS3, clients
from benchmarks.sample_settings import SETTINGS

RUN = Run("refused", "20261122t154022z-1a2b3c4d")
KEY = f"incoming/{RUN.batch}/manifest.jsonl"
LINE = (b'{"source-ref": "s3://' + b'\\"' * 500).ljust(MAX_LINE - 2, b"a") + b'"}'
DISKS = {RUN.left_out: 512 * 1.048576, RUN.predictions: 1024 * 1.048576}  # MB, as template.yaml gives them


class Repeated:
    """A body of many lines that are all the same."""

    def __init__(self, line: bytes, lines: int) -> None:
        self.line, self.lines = line, lines

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        """Whole lines, of about `size` bytes together."""
        at_once = max(1, size // (len(self.line) + 1))
        for begun in range(0, self.lines, at_once):
            yield (self.line + b"\n") * min(at_once, self.lines - begun)

    def iter_lines(self) -> Iterator[bytes]:
        """Line by line."""
        for _ in range(self.lines):
            yield self.line


class MeasuringS3(MemoryS3):
    """An S3 with a manifest of `lines`, which keeps of uploaded files the size, and the last line."""

    def __init__(self, lines: int) -> None:
        super().__init__({})
        self.bodies = {KEY: Repeated(LINE, lines)}
        self.sizes: dict[str, int] = {}

    def get_object(self, *, Key: str, **given: object) -> dict[str, Any]:  # noqa: N803 (boto3's name)
        """Answer with lines made one after the other, or as any S3 in memory."""
        return {"Body": self.bodies[Key]} if Key in self.bodies else super().get_object(Key=Key, **given)

    def upload_fileobj(self, file: IO[bytes], bucket: str, key: str) -> None:  # noqa: ARG002 (boto3's)
        """Note the size of a file, and let its last line stand for all of them."""
        self.sizes[key] = file.seek(0, os.SEEK_END)
        file.seek(-min(self.sizes[key], 2 * MAX_LINE), os.SEEK_END)
        self.bodies[key] = Repeated(file.read().splitlines()[-1], self.bodies[KEY].lines)

    def put_object(self, *, Key: str, Body: bytes | IO[bytes], **given: object) -> dict[str, str]:  # noqa: N803 (boto3's names)
        """Note the size of a file, and store anything else."""
        if isinstance(Body, bytes):
            return super().put_object(Key=Key, Body=Body, **given)
        self.sizes[Key] = Body.seek(0, os.SEEK_END)
        return {"ETag": ""}


def measure(lines: int) -> MeasuringS3:
    """Read a manifest of refused `lines`, and write the report of its run."""
    s3 = MeasuringS3(lines)
    stub: Any = s3
    written = transform_input.write(stub, SETTINGS.bucket, RUN, KEY, "version", SETTINGS.max_images)
    refused = Refuse(written.lines, written.labelled, written.left_out, "every line was left out")
    decision.take(stub, SETTINGS.bucket, RUN, refused)
    with redirect_stdout(StringIO()):  # its metrics, which are log lines
        report.write_report(clients(s3, {}), SETTINGS, RUN)
    return s3


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    given = arguments(__doc__, argv, MAX_LINES)
    sizes = measure(given.lines).sizes
    figures = [
        *(Figure(f"{PurePosixPath(key).name} in MB", sizes[key] / 1e6, disk) for key, disk in DISKS.items()),
        Figure("start_transform and write_report, peak memory in MB", peak() / 1e6, 256),
    ]
    return conclude(figures, given.check)


if __name__ == "__main__":
    sys.exit(main())
