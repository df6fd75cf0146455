"""A run's parts: how many lines each input object has, and the digest of its images in their order.

start_transform writes the parts, write_report reads their outputs; both follow this one rule.
"""

import hashlib
from collections.abc import Iterator
from itertools import count

# A part is the unit of parallelism, and of what is lost when a container dies: small, as long as the number
# of objects stays reasonable. Beyond a million lines parts are larger.
SMALL_PART, LARGE_PART = 1_000, 10_000  # lines
SMALL_PARTS = 1_000


def part_size(part: int) -> int:
    """The number of lines of a full part, by its number from 0."""
    return SMALL_PART if part < SMALL_PARTS else LARGE_PART


def part_sizes(lines: int) -> Iterator[int]:
    """The number of lines of each part, in order."""
    for part in count():
        if lines <= 0:
            return
        yield min(lines, part_size(part))
        lines -= part_size(part)


def digest(images: list[str]) -> str:
    """A part's identity, as its output repeats it: 16 hex digits of a digest of its references, in order."""
    return hashlib.sha256("\n".join(images).encode()).hexdigest()[:16]
