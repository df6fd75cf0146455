"""What a final training takes from the trial whose hyperparameters it has: its temperature, its reference.

A training on all images has none left to fit a temperature on; the trial fitted one on images that it held
out. Only two members of the trial's archive are read, within bounds, and nothing is unpacked onto the disk.
"""

import gzip
import json
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from arguments import TrainingError
from calibration import MAX_TEMPERATURE, MIN_TEMPERATURE

ARTIFACT = "model.tar.gz"
CONFIG, REFERENCE = "config.json", "reference.json"
MAX_MEMBER = 4 << 20  # bytes of one of these two
MAX_ARCHIVE = 256 << 20  # bytes of the unpacked archive


class InvalidArtifactError(ValueError):
    """An archive isn't one of this program; the message says what was found instead."""


@dataclass(frozen=True)
class Trial:
    """A trial's temperature, and its `reference.json`; None where its artifact has none."""

    temperature: float
    reference: dict[str, Any] | None


def read(folder: Path | None) -> Trial | None:
    """Read the trial in the channel's folder; None without a folder or an artifact in it.

    Raises TrainingError for what isn't an artifact of this program.
    """
    if folder is None or not (folder / ARTIFACT).exists():
        return None
    file = folder / ARTIFACT
    try:
        with gzip.open(file) as unpacked:
            stream: Any = _Bounded(unpacked)  # of a file, a stream needs nothing but `read`
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                found = dict(_members(archive))
    except (tarfile.TarError, zlib.error, OSError, EOFError, ValueError) as error:
        raise TrainingError(f"{file}: expected a trial's artifact, found: {error}") from error
    if CONFIG not in found:
        raise TrainingError(f"{file}: expected a {CONFIG} in it, found none")
    temperature: Any = found[CONFIG].get("temperature")
    if not _fitted(temperature):
        raise TrainingError(
            f"{file}, {CONFIG}: expected a temperature from {MIN_TEMPERATURE} to {MAX_TEMPERATURE}, "
            f"found {str(temperature)[:100]!r}"
        )
    return Trial(float(temperature), found.get(REFERENCE))


def _fitted(temperature: Any) -> bool:
    """Whether a value of JSON is a number that calibration.py can have fitted."""
    return type(temperature) in (int, float) and MIN_TEMPERATURE <= temperature <= MAX_TEMPERATURE


class _Bounded:
    """A stream that ends in an error after MAX_ARCHIVE bytes, however small its compressed file is."""

    def __init__(self, stream: gzip.GzipFile) -> None:
        self._stream, self._left = stream, MAX_ARCHIVE

    def read(self, size: int) -> bytes:
        """Read at most `size` bytes."""
        found = self._stream.read(size)
        self._left -= len(found)
        if self._left < 0:
            raise InvalidArtifactError(f"more than {MAX_ARCHIVE:,} bytes")
        return found


def _members(archive: tarfile.TarFile) -> Iterator[tuple[str, dict[str, Any]]]:
    """The JSON objects of the two files. Raises InvalidArtifactError, or ValueError for invalid JSON."""
    for member in archive:
        name = member.name.removeprefix("./")
        if name in (CONFIG, REFERENCE) and (content := archive.extractfile(member)):
            if member.size > MAX_MEMBER:
                raise InvalidArtifactError(
                    f"{name} of {member.size:,} bytes, expected at most {MAX_MEMBER:,}"
                )
            yield name, _json_object(name, content)


def _json_object(name: str, content: IO[bytes]) -> dict[str, Any]:
    try:
        value = json.load(content, parse_constant=_refuse)
    except RecursionError as error:
        raise InvalidArtifactError(f"{name} that is nested too deeply") from error
    if not isinstance(value, dict):
        raise InvalidArtifactError(f"{name} with a {type(value).__name__}, expected an object")
    return value


def _refuse(constant: str) -> float:
    raise InvalidArtifactError(f"{constant}, which isn't a number of JSON")
