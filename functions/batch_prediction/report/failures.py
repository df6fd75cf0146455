"""Why images have no prediction: their reasons, grouped, so that thousands of them are a few lines."""

import re
from dataclasses import dataclass, field

from batch_prediction.report.content import Failure

SHOWN = 20  # groups that a report lists
OTHER = "other reasons: predictions.csv has them"
_MAX_GROUPS = 1_000  # kept while counting; a hostile manifest has as many reasons as lines
_COMPARED = 300  # characters of a reason
_DIFFERENT = "…"
# What may differ between reasons of one kind: quoted texts (of Python or JSON), addresses, paths and numbers.
_VARIABLE = re.compile(r"""(b?'(?:[^'\\]|\\.)*'|b?"(?:[^"\\]|\\.)*"|\S*/\S*|\d+(?:[.,]\d+)*)""")


@dataclass
class _Group:
    """Reasons that differ in their variable pieces alone, which are every second one."""

    pieces: list[str]
    images: int
    example: str

    def add(self, pieces: list[str], images: int) -> None:
        """Count a reason of the same kind: of what differs, nothing is shown."""
        self.images += images
        if pieces != self.pieces:
            pairs = zip(self.pieces, pieces, strict=True)
            self.pieces = [mine if mine == other else _DIFFERENT for mine, other in pairs]


@dataclass
class Failures:
    """Counts of reasons by kind, in bounded memory: beyond 1,000 kinds, new ones are counted as OTHER."""

    _groups: dict[tuple[str, ...], _Group] = field(default_factory=dict)

    def add(self, reason: str, image: str, images: int = 1) -> None:
        """Count images without a prediction; `image` is one of them."""
        pieces = _VARIABLE.split(reason[:_COMPARED])
        kind = tuple(pieces[::2])
        if kind not in self._groups and len(self._groups) >= _MAX_GROUPS:
            pieces, kind = [OTHER], (OTHER,)
        if group := self._groups.get(kind):
            group.add(pieces, images)
        else:
            self._groups[kind] = _Group(pieces, images, image)

    def shown(self) -> list[Failure]:
        """The most frequent reasons first, at most SHOWN; the last stands for all that are left."""
        ordered = sorted(self._groups.values(), key=lambda group: -group.images)
        if len(ordered) > SHOWN:
            left = ordered[SHOWN - 1 :]
            ordered[SHOWN - 1 :] = [_Group([OTHER], sum(group.images for group in left), left[0].example)]
        return [
            {"reason": "".join(group.pieces), "images": group.images, "example": group.example}
            for group in ordered
        ]


def in_words(failure: Failure, example: str) -> str:
    """A group as a line of text; `example` is its image as it is shown there."""
    return f"{failure['reason']}: {failure['images']:,}, e.g. {example}"
