"""reference.json: what a model's trial said of images that it hadn't been trained on, read and checked.

training/container/reference.py writes it, and says what its fields mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from batch_prediction.figures.doubts import BINS, Doubts
from batch_prediction.labels import LABELS

SCHEMA = "digit-batch/reference/1"


@dataclass(frozen=True)
class Reference:
    """The doubts about held-out images, how many were read right, and the training images' labels."""

    doubts: Doubts
    right: int
    labels: Sequence[int]  # how many of the training images have each

    @property
    def images(self) -> int:
        """All held-out images, at least one."""
        return self.doubts.images

    @property
    def label_shares(self) -> list[float]:
        """The share of each label among the training images."""
        return [images / sum(self.labels) for images in self.labels]

    @property
    def error(self) -> float:
        """The share of held-out images that were misread."""
        return 1 - self.right / self.images


def read(content: object) -> Reference:
    """Read the JSON of reference.json; ValueError for anything else."""
    try:
        return _read(content)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"reference.json: expected {SCHEMA}, found {_shortened(content)}") from error


def _read(content: Any) -> Reference:  # unchecked JSON
    if content["schema"] != SCHEMA:
        raise ValueError(
            f"reference.json: expected the schema {SCHEMA}, found {_shortened(content['schema'])}"
        )
    rows = content["predictions"]
    doubts = Doubts(
        bins=[[_count(images) for images in row["bins"]] for row in rows],
        sums=[_sum(row["doubt"]) for row in rows],
        squares=[_sum(row["doubt_squared"]) for row in rows],
    )
    if len(rows) != len(LABELS) or any(len(row) != BINS for row in doubts.bins):
        raise ValueError(f"reference.json: expected {BINS} bins of {len(LABELS)} predictions, found others")
    right, labels = _count(content["right"]), [_count(images) for images in content["labels"]]
    if len(labels) != len(LABELS) or not sum(labels):
        raise ValueError(f"reference.json: expected the images of {len(LABELS)} labels, found {labels}")
    if not 0 < doubts.images == content["images"] or right > doubts.images:
        raise ValueError(
            f"reference.json: expected bins with all of {content['images']} images, {right} of them right, "
            f"found {doubts.images} in the bins"
        )
    return Reference(doubts, right, labels)


def _count(number: object) -> int:
    if type(number) is not int or number < 0:
        raise TypeError(f"expected a number of images, found {number!r}")
    return number


def _sum(number: object) -> float:
    if isinstance(number, bool) or not isinstance(number, float | int) or not isfinite(number) or number < 0:
        raise TypeError(f"expected a sum of doubts, found {number!r}")
    return float(number)


def _shortened(content: object) -> str:
    return repr(content)[:200]
