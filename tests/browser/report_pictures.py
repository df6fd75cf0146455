"""The pictures of reports in docs/: `python -m tests.browser.report_pictures docs`, or `make screenshot`.

In the local cloud a model is trained as by `digits demo`, on MNIST where MNIST_DIR names its folder. It reads
four batches of the same images: as they are, blurred, without labels, and with labels that are wrong. The
pages are shown by headless Chromium, which the variable CHROMIUM may name.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from batch_prediction.layout import REPORTS
from benchmarks import distortions
from cli import demo
from cli.files import fetch
from cli.stages import Stages
from localcloud.assembly import local_cloud
from tests.browser.chromium import MISSING, program
from training.datasets import Digits

IMAGES = 1_000
FLIPPED = 0.02  # of the labels
BLUR = 1.4  # pixels
WIDTH, HEIGHT = 1200, 1250


@dataclass(frozen=True)
class Batch:
    """What is dropped, and the picture of its report."""

    digits: Digits
    picture: str
    labelled: bool = True


def batches(digits: Digits) -> Mapping[str, Batch]:
    """Four batches by name, of the same images."""
    chance = np.random.default_rng(1)
    wrong = chance.choice(len(digits), round(FLIPPED * len(digits)), replace=False)
    labels = digits.labels.copy()
    labels[wrong] = (labels[wrong] + chance.integers(1, 10, len(wrong))) % 10
    pixels = torch.from_numpy(digits.images).unsqueeze(1).float()
    blurred = distortions.blur(BLUR)(pixels, torch.Generator())
    images = blurred.round().clamp(0, 255).to(torch.uint8).squeeze(1).numpy()
    return {
        "as-they-are": Batch(digits, "report.png"),
        "blurred": Batch(replace(digits, images=images), "report-drifted.png"),
        "without-labels": Batch(digits, "report-unlabelled.png", labelled=False),
        "wrong-labels": Batch(replace(digits, labels=labels), "report-mislabelled.png"),
    }


def main() -> int:
    """Train, drop, wait, take pictures; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.browser.report_pictures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--seed", type=int, default=0, help="of the demo (default: %(default)s)")
    given = parser.parse_args()
    chromium = program()
    if not chromium:
        sys.exit(MISSING)
    stages = Stages(Console())
    with tempfile.TemporaryDirectory() as out, local_cloud() as cloud:
        splits, stack = demo.prepare(stages, cloud, given.seed)
        demo.train(stages, cloud, stack, splits, given.seed)
        dropped = batches(Digits(splits.batch.images[:IMAGES], splits.batch.labels[:IMAGES]))
        for name, batch in dropped.items():
            with stages.stage(f"Read the batch {name}") as stage:
                demo.drop(cloud, stack.bucket, name, batch.digits, IMAGES, stage.news, batch.labelled)
                demo.wait(
                    "the report",
                    partial(demo.report, cloud, stack.outputs, name),
                    cloud,
                    stack.outputs,
                )
                stage.result = batch.picture
        fetch(cloud.client("s3"), stack.bucket, REPORTS, Path(out))
        for name, batch in dropped.items():
            (page,) = Path(out, REPORTS, name).glob("*/report.html")
            _picture(chromium, page, given.folder / batch.picture)
    return 0


def _picture(chromium: str, page: Path, picture: Path) -> None:
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command = [
        chromium,
        *options,
        f"--window-size={WIDTH},{HEIGHT}",
        f"--screenshot={picture.resolve()}",
        str(page),
    ]
    subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
