"""How sure a model was of each of its answers, counted: what a batch and its reference are compared by.

The doubt about an answer is what its confidence lacks to 1. A good model's doubts run over many powers of
ten, so they are counted in bins of half a power; that is all that is kept of any number of images.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from operator import mul

from batch_prediction.labels import LABELS

BINS = 16  # half a power of ten each: above 10^-0.5, above 10^-1, … and all below 10^-7.5
_PER_POWER = 2
_EDGES = [10 ** (-number / _PER_POWER) for number in range(BINS - 1, 0, -1)]
_PLACE = partial(bisect_left, _EDGES)  # of a doubt among the edges, the last bin's being 0


@dataclass
class Doubts:
    """Per prediction: images by bin of doubt (10 rows of BINS), the sums of doubts and of their squares."""

    bins: list[list[int]] = field(default_factory=lambda: [[0] * BINS for _ in LABELS])
    sums: list[float] = field(default_factory=lambda: [0.0] * len(LABELS))
    squares: list[float] = field(default_factory=lambda: [0.0] * len(LABELS))

    def add(self, answers: Iterable[tuple[int, float]]) -> None:
        """Count more answers: a prediction and its confidence (0 to 1), with all that this lacks to 1."""
        by_prediction: list[list[float]] = [[] for _ in LABELS]  # so that most of the work is done in C
        for prediction, confidence in answers:
            by_prediction[prediction].append(1 - confidence)
        for prediction, doubts in enumerate(by_prediction):
            self.sums[prediction] += sum(doubts)
            self.squares[prediction] += sum(map(mul, doubts, doubts))
            for place, images in Counter(map(_PLACE, doubts)).items():
                self.bins[prediction][BINS - 1 - place] += images

    @property
    def mix(self) -> list[int]:
        """The images that were read as each label."""
        return [sum(row) for row in self.bins]

    @property
    def images(self) -> int:
        """All images."""
        return sum(self.mix)

    @property
    def histogram(self) -> list[int]:
        """The images in each bin, whatever they were read as."""
        return [sum(column) for column in zip(*self.bins, strict=True)]

    @property
    def mean(self) -> float:
        """The mean doubt; ZeroDivisionError without images."""
        return sum(self.sums) / self.images


def upper_edge(number: int) -> float:
    """The largest doubt in a bin, and the edge to the bin before it."""
    return float(10 ** (-number / _PER_POWER))
