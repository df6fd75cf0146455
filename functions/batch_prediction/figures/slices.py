"""The accuracy of each part of a batch that shares a value of a field, such as a writer or a scanner."""

from collections.abc import Mapping
from dataclasses import dataclass

from batch_prediction.figures import fisher
from batch_prediction.figures.intervals import Interval, wilson

_LEVEL = 0.05  # of all slices together


@dataclass
class SliceCount:
    """Scored images of a slice, those of them with a label, and those read rightly."""

    images: int = 0
    labelled: int = 0
    right: int = 0


@dataclass(frozen=True)
class Slice:
    """A field's value, its images, and their accuracy with Wilson's 95 % interval; None without labels.

    `difference` is this accuracy less that of all other labelled images, None where there are none. It
    `stands_out` where chance doesn't explain it, though many slices are looked at.
    """

    field: str
    value: str
    images: int
    labelled: int
    accuracy: Interval | None
    difference: float | None
    stands_out: bool


def slices(counts: Mapping[tuple[str, str], SliceCount], labelled: int, right: int) -> list[Slice]:
    """The slices by (field, value), the lowest accuracy first, those without a label last.

    `labelled` and `right` count the whole batch. Each slice is compared with the rest of it by Fisher's exact
    test, at a level that is corrected for their number: where all are alike, one batch in twenty has a slice
    that stands out, at most (Holm 1979, https://www.jstor.org/stable/4615733).
    """
    compared = {name: count for name, count in counts.items() if 0 < count.labelled < labelled}
    chances = {
        name: fisher.two_sided(count.labelled - count.right, count.labelled, labelled - right, labelled)
        for name, count in compared.items()
    }
    outstanding = _holm(chances)
    found = [
        Slice(
            *name,
            count.images,
            count.labelled,
            wilson(count.right, count.labelled),
            _difference(count, labelled, right) if name in compared else None,
            name in outstanding,
        )
        for name, count in counts.items()
    ]
    return sorted(found, key=_rank)


def _holm(chances: Mapping[tuple[str, str], float]) -> set[tuple[str, str]]:
    """Which are too small for chance: the smallest against the level by their number, and so on."""
    outstanding: set[tuple[str, str]] = set()
    for name, chance in sorted(chances.items(), key=lambda item: item[1]):
        if chance > _LEVEL / (len(chances) - len(outstanding)):
            break
        outstanding.add(name)
    return outstanding


def _difference(count: SliceCount, labelled: int, right: int) -> float:
    return count.right / count.labelled - (right - count.right) / (labelled - count.labelled)


def _rank(found: Slice) -> tuple[float, int, str, str]:
    accuracy = found.accuracy.value if found.accuracy else 2.0
    return accuracy, -found.images, found.field, found.value
