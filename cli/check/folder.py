"""A folder on this machine, read as the functions would read the archive that `digits drop` makes of it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from batch_prediction.archives.listing import Item
from batch_prediction.archives.member import Member, Unusable, checked
from batch_prediction.archives.ranges import ArchiveError
from batch_prediction.layout import MANIFESTS

_HEADER = 30  # bytes of a zip's local header, before the name
_PIECE = 1024 * 1024  # bytes read at once


class FolderMembers:
    """The files below a folder, in the order of their names; a manifest may be chosen among them.

    Their positions are those in a zip that stores them, so that requests can be counted before it is packed.
    Links to files are followed, links to folders aren't.
    """

    form, what, kind, root = "a folder", "folder", "zip", ""

    def __init__(self, folder: Path, manifest: Path | None = None) -> None:
        """With a `manifest`, the folder's others aren't looked at, and it has the name of one in S3."""
        self.folder, self._manifest = folder, manifest
        self._paths: dict[str, Path] = {}
        if manifest:
            self._paths[canonical_name(manifest)] = manifest

    def address(self, name: str) -> str:
        """The member's path."""
        return f"{self.folder}/{name}"

    def path(self, name: str) -> Path:
        """The file of a member."""
        return self._paths.get(name, self.folder / name)

    def files(self) -> Iterator[Item]:
        """The files in their order."""
        at = 0
        for name in self._names():
            path = self.path(name)
            try:
                size = path.stat().st_size
                item = checked(Member(name, at, at + _HEADER + len(name.encode()) + size, size, size))
            except (OSError, UnicodeEncodeError) as error:
                shown = name.encode(errors="surrogateescape").decode(errors="replace")
                item = Unusable(shown, f"expected a file that can be read, found: {error}"[:300])
            if isinstance(item, Member):
                at = item.end
            yield item

    def reader(self) -> Callable[[Member], Iterator[bytes]]:
        """What reads files piece by piece; ArchiveError for one that can't be read."""
        return self._read

    def _read(self, member: Member) -> Iterator[bytes]:
        try:
            with self.path(member.name).open("rb") as file:
                while piece := file.read(_PIECE):
                    yield piece
        except OSError as error:
            raise ArchiveError(f"expected a file that can be read, found: {error}") from error

    def _names(self) -> Iterator[str]:
        chosen = canonical_name(self._manifest) if self._manifest else None
        if chosen:
            yield chosen
        for folder, folders, files in os.walk(self.folder):
            folders.sort()
            inside = Path(folder).relative_to(self.folder).as_posix()
            for file in sorted(files):
                name = file if inside == "." else f"{inside}/{file}"
                if chosen and (file.lower() in MANIFESTS or name == chosen):
                    continue
                if (path := Path(folder) / file).is_file() or not path.exists():  # a link to nothing is told
                    yield name


def canonical_name(manifest: Path) -> str:
    """The name of a manifest in S3: its own if that starts a run, else one by its ending."""
    if manifest.name.lower() in MANIFESTS:
        return manifest.name.lower()
    name = f"manifest{manifest.suffix.lower()}"
    return name if name in MANIFESTS else MANIFESTS[0]
