"""Requirements files, which SageMaker's containers install and which the local cloud only checks."""

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement


def differences(requirements: Path) -> list[str]:
    """Say for each line of a requirements file what this interpreter has instead; empty if all is there.

    Hashes are not compared; a line that isn't a plain requirement counts as a difference.
    """
    text = requirements.read_text(encoding="utf-8").replace("\\\n", " ")
    return [difference for line in text.splitlines() for difference in _differences(line)]


def _differences(line: str) -> Iterator[str]:
    wanted = re.sub(r"(^|\s)#.*|\s--hash=\S+", "", line).strip()
    if not wanted:
        return
    try:
        requirement = Requirement(wanted)
    except InvalidRequirement:
        yield f"{wanted!r} isn't a requirement with a name and a version"
        return
    if requirement.marker is not None and not requirement.marker.evaluate():
        return
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        yield f"{wanted} is required, {requirement.name} is not installed"
        return
    if not requirement.specifier.contains(found, prereleases=True):
        yield f"{wanted} is required, {requirement.name} {found} is installed"
