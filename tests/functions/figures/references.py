"""References for tests: of answers whose doubts are spread like a good model's."""

import random
from typing import Any

from batch_prediction.figures.doubts import Doubts
from batch_prediction.figures.reference import SCHEMA, Reference
from batch_prediction.labels import LABELS

LABELS_ALIKE = [6_000] * len(LABELS)  # among the training images
Answer = tuple[int, float]  # a prediction and its confidence


def answers(count: int, seed: int, power: float = 4.0, sharpest: float = 1.5) -> list[Answer]:
    """Answers of every label, with doubts about 10^-power, spread over `sharpest` powers of ten."""
    generator = random.Random(seed)  # noqa: S311 (test data, not a secret)
    found = []
    for number in range(count):
        doubt = min(0.8, 10 ** -generator.gauss(power, sharpest))
        found.append((LABELS[number % len(LABELS)], 1 - doubt))
    return found


def doubts(given: list[Answer]) -> Doubts:
    """The counted doubts of some answers."""
    counted = Doubts()
    counted.add(given)
    return counted


def reference(count: int = 5_000, seed: int = 0) -> Reference:
    """A reference of so many images, misread as often as the doubts say."""
    known = doubts(answers(count, seed))
    return Reference(known, count - round(sum(known.sums)), LABELS_ALIKE)


def content(known: Reference) -> dict[str, Any]:
    """A reference as JSON has it."""
    rows = zip(known.doubts.bins, known.doubts.sums, known.doubts.squares, strict=True)
    return {
        "schema": SCHEMA,
        "images": known.images,
        "right": known.right,
        "labels": list(known.labels),
        "predictions": [
            {"bins": bins, "doubt": total, "doubt_squared": squares} for bins, total, squares in rows
        ],
    }
