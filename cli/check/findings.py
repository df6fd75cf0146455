"""What is in a batch, as its run would see it: the same readers, and the container's own decoder."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from batch_prediction.archives.member import Member
from batch_prediction.archives.ranges import ArchiveError
from batch_prediction.manifests.records import LeftOut, ManifestError
from batch_prediction.start import references
from batch_prediction.start.archive import Image, Members, read_members
from batch_prediction.start.slice_fields import SliceFields
from batch_prediction.start.transform_input import problem
from training.container.pixels import ImageError, SizeError, decode

SIDE = 28  # pixels
MISSING = "missing: the manifest names it, and it isn't there"

Progress = Callable[[int, int], None]  # images looked at so far, and in total


class Verdict(IntEnum):
    """What becomes of a batch; the numbers are the exit statuses of `digits check`."""

    FINE = 0
    PROBLEMS = 1
    REFUSED = 2


@dataclass(frozen=True)
class Problem:
    """What costs a line, a label or an image its use.

    `line` is counted from 1, None where it isn't a manifest's; `kind` is `line`, `label` or `image`.
    """

    line: int | None
    text: str
    reason: str
    kind: str


@dataclass(frozen=True)
class Duplicates:
    """Images of the same pixels, and their labels, as far as they have some."""

    images: list[str]
    labels: list[int]

    @property
    def contradict(self) -> bool:
        """Whether the same picture is called by different digits."""
        return len(self.labels) > 1


@dataclass
class Findings:
    """What a check has found. `images` is what the run would score, `requests` what that takes."""

    path: str
    read_as: str | None = None
    refused: str | None = None
    images: int = 0
    readable: int = 0
    size: int = 0  # bytes of all images
    labels: Counter[int] = field(default_factory=Counter)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    duplicates: list[Duplicates] = field(default_factory=list)
    requests: int | None = None  # None for one an image
    fields: list[str] = field(default_factory=list)  # by which the report divides the batch
    used: list[Image] = field(default_factory=list)  # what was looked at, in its order
    beside: list[str] = field(default_factory=list)  # files that the labels come from

    @property
    def verdict(self) -> Verdict:
        """What becomes of the batch."""
        if self.refused:
            return Verdict.REFUSED
        return Verdict.PROBLEMS if self.problems else Verdict.FINE


def examine(
    path: str, members: Members, max_images: int, progress: Progress = lambda _done, _of: None
) -> Findings:
    """Read a batch whole, and look at each of its images once. Nothing is written anywhere."""
    found, slices = Findings(path), SliceFields()
    try:
        reading = read_members(members, max_images, slices.take)
    except (ArchiveError, ManifestError) as error:
        found.refused = str(error)
        return found
    found.read_as, found.images, found.used = reading.how, len(reading.images), reading.images
    found.fields, found.beside = list(slices.values), reading.beside
    found.problems = [_left_out(item) for item in reading.left_out]
    found.problems += [_left_out(image.bad_label) for image in reading.images if image.bad_label]
    found.labels.update(image.label for image in reading.images if image.label is not None)
    first = next(iter(reading.left_out), None)
    if refused := problem(path, len(reading.images), len(reading.left_out), max_images, first=first):
        found.refused = refused.reason
        return found
    if reading.kind != "objects":
        places = references.of_members([image.member for image in reading.images], reading.kind)
        found.requests = sum(another for _, another in places)
    _look_at_images(found, members, progress)
    found.problems.sort(key=lambda each: (each.line is None, each.line or 0))
    return found


def _look_at_images(found: Findings, members: Members, progress: Progress) -> None:
    seen: dict[bytes, int] = {}  # the first image of each content
    again: dict[int, list[int]] = {}
    for number, (image, content) in enumerate(_contents(found.used, members)):
        if isinstance(content, str):
            found.problems.append(Problem(None, image.name, content, "image"))
        else:
            found.size += len(content)
            try:
                pixels = decode(content, SIDE)
            except SizeError as error:
                found.sizes[error.width, error.height] += 1
                found.problems.append(Problem(None, image.name, str(error), "image"))
            except ImageError as error:
                found.problems.append(Problem(None, image.name, str(error), "image"))
            else:
                found.readable += 1
                found.sizes[SIDE, SIDE] += 1
                first = seen.setdefault(hashlib.blake2b(pixels.tobytes(), digest_size=16).digest(), number)
                if first != number:
                    again.setdefault(first, [first]).append(number)
        progress(number + 1, found.images)
    for numbers in again.values():
        images = [found.used[number] for number in numbers]
        labels = sorted({image.label for image in images if image.label is not None})
        found.duplicates.append(Duplicates([image.name for image in images], labels))
    found.duplicates.sort(key=lambda each: not each.contradict)


def _contents(images: list[Image], members: Members) -> Iterator[tuple[Image, bytes | str]]:
    """Each image with its bytes, or why there are none. An image that is named twice is read once."""
    read_member = members.reader()
    before: tuple[Member, bytes | str] | None = None
    for image in images:
        if image.member is None:
            yield image, MISSING
            continue
        if before is None or before[0] != image.member:
            try:
                before = image.member, b"".join(read_member(image.member))
            except ArchiveError as error:
                before = image.member, str(error)
        yield image, before[1]


def _left_out(item: LeftOut) -> Problem:
    return Problem(item.line, item.text, item.reason, item.kind)
