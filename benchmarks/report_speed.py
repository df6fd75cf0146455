"""write_report over a large run, without S3: throughput relative to parsing alone, what probabilities cost,
peak memory, page size.

The run's parts repeat after ten, so that the prepared bytes take little memory themselves; one image in a
hundred is missing, and one manifest line in a thousand was left out. The page is written, too.
"""

import random
import struct
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import fields
from datetime import timedelta
from io import StringIO
from typing import Any

import orjson

from batch_prediction.aws.clients import Clients
from batch_prediction.labels import LABELS
from batch_prediction.layout import Run, output_name
from batch_prediction.report import write as report
from batch_prediction.runs import decision, transform_job
from batch_prediction.runs.decision import Start
from batch_prediction.runs.parts import SMALL_PART, digest, part_sizes
from benchmarks.measuring import MAX_LINES, Figure, arguments, conclude, interleaved, parse_all, peak_of
from benchmarks.memory_s3 import MemoryS3, clients
from benchmarks.sample_settings import SETTINGS

RUN = Run("measured", "20261122t154022z-1a2b3c4d")
DISTINCT_PARTS = 10
JOB = {
    "TransformJobStatus": "Completed",
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    "CreationTime": RUN.uploaded + timedelta(seconds=10),
    "TransformStartTime": RUN.uploaded + timedelta(seconds=250),
    "TransformEndTime": RUN.uploaded + timedelta(seconds=970),
}
DIGIT = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 28, 28) + bytes(275 - 24)
)  # the size of a digit's PNG


def output_lines(count: int, probabilities: bool = True) -> list[bytes]:
    """Lines as SageMaker joins them: nine in ten right, each label's probability, a few missing.

    Without `probabilities`, as of an artifact of an earlier version.
    """
    generator = random.Random(1)  # noqa: S311 (test data, not a secret)
    lines = []
    for number in range(count):
        label = generator.randrange(10)
        found = label if number % 10 else generator.randrange(10)
        shares = [float(f"{10 ** generator.uniform(-9, -2):.4g}") for _ in LABELS]
        shares[found] = round(1 - sum(shares) + shares[found], 12)
        answer: dict[str, Any] = {"label": found, "confidence": shares[found]}
        answer |= {"probabilities": shares} if probabilities else {}
        line = {
            "image": {"source-ref": f"s3://{SETTINGS.bucket}/incoming/{RUN.batch}/{number:07d}.png"},
            "label": label,
            "SageMakerOutput": {"error": "missing"} if number % 100 == 99 else answer,
        }
        lines.append(orjson.dumps(line))
    return lines


def prepare(lines: int, probabilities: bool = True) -> Any:
    """The clients of an ended run of `lines`, with its objects prepared."""
    distinct = output_lines(min(lines, DISTINCT_PARTS * SMALL_PART), probabilities)
    images = [orjson.loads(line)["image"]["source-ref"] for line in distinct]
    bodies: dict[tuple[int, int], bytes] = {}
    digests: list[str] = []
    objects: dict[str, bytes] = {}
    for part, size in enumerate(part_sizes(lines)):
        first = part % DISTINCT_PARTS * SMALL_PART
        if (first, size) not in bodies:
            bodies[first, size] = b"\n".join(distinct[first : first + size]) + b"\n"
        objects[RUN.output_prefix() + output_name(part)] = bodies[first, size]
        digests.append(digest(images[first : first + size]))
    left_out = lines // 1000
    refused = b'{"line":5,"text":"broken","reason":"expected a JSON object, found text that is not JSON"}\n'
    objects[RUN.left_out] = refused * left_out
    for image in images:
        objects[image.removeprefix(f"s3://{SETTINGS.bucket}/")] = DIGIT
    s3: Any = MemoryS3(objects)
    frozen: dict[str, Any] = dict.fromkeys((field.name for field in fields(Start)), "measured")
    counts = {"lines": lines, "labelled": lines, "left_out": left_out, "price_per_hour": 0.115}
    named: dict[str, Any] = {"transform_job": f"measured-{RUN.id}"}  # a job's name ends in its run's
    named |= {"slices": [], "unsliced": {}, "requests": None, "bad_labels": 0}
    decided = Start(**frozen | counts | named | {"digests": digests})
    decision.take(s3, SETTINGS.bucket, RUN, decided)
    return clients(s3, transform_job.job_request(SETTINGS.bucket, RUN, decided) | JOB)


def once(lines: int) -> None:
    """Write the report of a run of `lines`, discarding the output."""
    aws = prepare(lines)
    aws.s3.kept = False
    write(aws)


def write(aws: Clients) -> None:
    """Write the report, hiding its metrics, which are log lines."""
    with redirect_stdout(StringIO()):
        report.write_report(aws, SETTINGS, RUN)


def page_of(lines: int) -> bytes:
    """The page of the report of a run of `lines`."""
    aws = prepare(lines)
    write(aws)
    page: bytes = aws.s3.objects[RUN.page]
    return page


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    given = arguments(__doc__, argv, MAX_LINES)
    peak, small = (peak_of("report_speed", lines) for lines in (given.lines, 10_000))
    aws, earlier = prepare(given.lines), prepare(given.lines, probabilities=False)
    aws.s3.kept = earlier.s3.kept = False  # otherwise the second round would find the first one's report
    distinct = output_lines(min(given.lines, DISTINCT_PARTS * SMALL_PART))
    parsing, writing, unscored = interleaved(
        given.rounds,
        lambda: parse_all(distinct, given.lines // len(distinct)),
        lambda: write(aws),
        lambda: write(earlier),
    )
    figures = [
        Figure("write_report, throughput as a share of parsing", parsing / writing, 0.25, at_least=True),
        Figure("write_report, time as a multiple of that without probabilities", writing / unscored, 5),
        Figure("write_report, peak memory in MB", peak / 1e6, 256),
        Figure("write_report, peak memory as a share of that for 10,000 lines", peak / small, 1.2),
        Figure("report.html in MB", len(page_of(given.lines)) / 1e6, 1),
    ]
    return conclude(figures, given.check)


if __name__ == "__main__":
    sys.exit(main())
