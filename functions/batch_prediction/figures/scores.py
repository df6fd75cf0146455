"""Ten probabilities an image, counted and added up: memory doesn't grow with the images."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from math import dist, fsum, log
from operator import add, eq, itemgetter, mul, neg

from batch_prediction.figures import score_bins
from batch_prediction.figures.intervals import Interval, mean, wilson
from batch_prediction.labels import LABELS

_AT_ONCE = 10_000  # images, a part's
_LEAST = 2.220446049250313e-16  # the smallest probability that counts, as scikit-learn clips them
_CERTAIN = [tuple(float(digit == label) for digit in LABELS) for label in LABELS]


@dataclass
class Scores:
    """What labelled images with ten probabilities come to.

    `log_loss` and `brier` are the sums over the images and over their squares, `second` the images whose
    label is the second guess. `bins` counts the probabilities of each digit, `truths` those of the label by
    (label, bin), `outcomes` those of the prediction by (whether it is right, bin); the bins are score_bins'.
    """

    images: int = 0
    right: int = 0
    second: int = 0
    log_loss: tuple[float, float] = (0.0, 0.0)
    brier: tuple[float, float] = (0.0, 0.0)
    bins: list[Counter[int]] = field(default_factory=lambda: [Counter() for _ in LABELS])
    truths: Counter[tuple[int, int]] = field(default_factory=Counter)
    outcomes: Counter[tuple[bool, int]] = field(default_factory=Counter)

    def add(self, records: Iterable[tuple[int, Sequence[float]]]) -> None:
        """Count images, each its label and the probabilities of the ten digits."""
        remaining = iter(records)
        while some := list(islice(remaining, _AT_ONCE)):
            self._add(some)

    def merge(self, other: "Scores") -> None:
        """Count the images of another."""
        self.images += other.images
        self.right += other.right
        self.second += other.second
        self.log_loss = _sum(self.log_loss, other.log_loss)
        self.brier = _sum(self.brier, other.brier)
        for ours, theirs in zip(self.bins, other.bins, strict=True):
            ours.update(theirs)
        self.truths.update(other.truths)
        self.outcomes.update(other.outcomes)

    def _add(self, records: list[tuple[int, Sequence[float]]]) -> None:
        """Count some images; every loop over all of them runs inside Python's own functions."""
        labels, rows = zip(*records, strict=True)
        binned = score_bins.bins(chain.from_iterable(rows))
        firsts = range(0, len(binned), len(LABELS))
        for digit in LABELS:
            self.bins[digit].update(binned[digit :: len(LABELS)])
        self.truths.update(zip(labels, map(binned.__getitem__, map(add, firsts, labels)), strict=True))
        predictions = [row.index(most) for row, most in zip(rows, map(max, rows), strict=True)]
        correct = list(map(eq, labels, predictions))
        certainty = map(binned.__getitem__, map(add, firsts, predictions))
        self.outcomes.update(zip(correct, certainty, strict=True))

        of_label = [row[label] for label, row in records]
        if min(of_label) < _LEAST:
            of_label = [max(probability, _LEAST) for probability in of_label]
        losses = list(map(neg, map(log, of_label)))
        self.log_loss = _sum(self.log_loss, _sums(losses))
        distances = list(map(dist, rows, map(_CERTAIN.__getitem__, labels)))
        self.brier = _sum(self.brier, _sums(list(map(mul, distances, distances))))
        self.images += len(records)
        self.right += sum(correct)
        self.second += sum(
            _is_second(row, label)
            for (label, row), is_right in zip(records, correct, strict=True)
            if not is_right
        )


@dataclass(frozen=True)
class ProperScores:
    """Log loss in nats, Brier score (0 to 2), and the share whose label is one of the two best guesses."""

    log_loss: Interval | None
    brier_score: Interval | None
    top_2_accuracy: Interval


def proper_scores(scores: Scores) -> ProperScores | None:
    """The figures; None for no images. The means of fewer than two images are None.

    Gneiting and Raftery 2007, Strictly Proper Scoring Rules, Prediction, and Estimation
    (https://doi.org/10.1198/016214506000001437). Brier's is over all ten digits, as he defined it in 1950.
    """
    top_2 = wilson(scores.right + scores.second, scores.images)
    if top_2 is None:
        return None
    return ProperScores(mean(*scores.log_loss, scores.images), mean(*scores.brier, scores.images), top_2)


def _is_second(row: Sequence[float], label: int) -> bool:
    """Whether a label that isn't the first guess is the second; of equal probabilities the smaller digit."""
    order = sorted(enumerate(row), key=itemgetter(1), reverse=True)  # stable
    return order[1][0] == label


def _sums(values: list[float]) -> tuple[float, float]:
    return fsum(values), fsum(map(mul, values, values))


def _sum(some: tuple[float, float], more: tuple[float, float]) -> tuple[float, float]:
    return some[0] + more[0], some[1] + more[1]
