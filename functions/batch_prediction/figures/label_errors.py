"""Labels that are probably wrong, by confident learning over a batch's own probabilities.

Northcutt, Jiang and Chuang 2021, Confident Learning: Estimating Uncertainty in Dataset Labels, section 3
(https://arxiv.org/abs/1911.00068). It asks for probabilities by a model that hasn't seen the images' labels:
so it is of a batch that isn't training data.
"""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from batch_prediction.labels import LABELS

HIGHEST_THRESHOLD = 0.9
MAX_DOUBTS = 20_000  # misread images that are kept: about 10 MB


Labelled = tuple[int, Sequence[float]]  # label, the probability of each label
Misread = tuple[str, int, Sequence[float]]  # image, label, the probability of each label


class Suspect(NamedTuple):
    """An image whose label is probably wrong, what the model suggests, and the probability of either."""

    image: str
    label: int
    suggested: int
    label_probability: float
    suggested_probability: float


@dataclass
class LabelErrors:
    """What is counted of labelled images, in memory for MAX_DOUBTS misread ones.

    Of more, those are kept whose label is the least probable.
    """

    images: list[int] = field(default_factory=lambda: [0] * len(LABELS))
    confidence: list[float] = field(default_factory=lambda: [0.0] * len(LABELS))
    misread: int = 0
    _doubts: list[tuple[float, int, str, int, Sequence[float]]] = field(default_factory=list)

    def add(self, labelled: Iterable[Labelled], misread: Iterable[Misread]) -> None:
        """Count images: all that have a label and probabilities, and once more those of them misread."""
        for label, probabilities in labelled:
            self.images[label] += 1
            self.confidence[label] += probabilities[label]
        for image, label, probabilities in misread:
            self.misread += 1
            # Of equals the first in the manifest stays.
            doubt = (-probabilities[label], -self.misread, image, label, probabilities)
            if len(self._doubts) < MAX_DOUBTS:
                heapq.heappush(self._doubts, doubt)
            else:
                heapq.heappushpop(self._doubts, doubt)

    @property
    def complete(self) -> bool:
        """Whether every misread image was looked at."""
        return self.misread <= MAX_DOUBTS

    def suspects(self, highest: float = HIGHEST_THRESHOLD) -> list[Suspect]:
        """The images whose label is probably wrong, the least probable label first.

        A label's threshold is its mean probability over the images that have it, `highest` at most: where a
        model is nearly always sure, hardly an image that it misreads would reach the mean (docs/results.md).
        An image counts as one of the most probable label of those whose threshold it reaches, and is
        suspected if that isn't its own.
        """
        thresholds = [
            min(total / number, highest) if number else 2.0
            for total, number in zip(self.confidence, self.images, strict=True)
        ]
        found: list[Suspect] = []
        for _, _, image, label, probabilities in sorted(self._doubts, reverse=True):
            reached = [each for each in LABELS if probabilities[each] >= thresholds[each]]
            suggested = max(reached, key=probabilities.__getitem__, default=label)
            if suggested != label:
                found.append(Suspect(image, label, suggested, probabilities[label], probabilities[suggested]))
        return found
