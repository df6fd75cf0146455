"""A checked batch into the bucket: an archive as it is, a folder packed or loose; what is there stays."""

import tempfile
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from batch_prediction import layout
from batch_prediction.layout import INCOMING, Run
from cli.check.findings import Findings, Progress
from cli.check.folder import FolderMembers
from cli.drop import loose, sending
from cli.drop.packing import pack


class Bars(Protocol):
    """What shows progress: a bar for each step, of images or of bytes."""

    def __call__(self, what: str, in_bytes: bool = False) -> AbstractContextManager[Progress]:
        """A bar, and what moves it."""
        ...


@dataclass(frozen=True)
class Dropped:
    """What starts a run: its key and version; `how` says what was uploaded."""

    key: str
    version: str
    how: str

    def run(self, s3: Any, bucket: str) -> Run:
        """The run of this version."""
        head = s3.head_object(Bucket=bucket, Key=self.key, VersionId=self.version)
        return Run.of_manifest(layout.upload(self.key).batch, self.key, self.version, head["LastModified"])


@dataclass(frozen=True)
class Target:
    """Where a batch goes. `again` uploads what starts the run, even if it is there already."""

    s3: Any
    bucket: str
    key: str  # of the archive, or of the folder with its slash
    again: bool

    def drop_archive(self, path: Path, bars: Bars) -> Dropped:
        """Upload an archive as it is."""
        with path.open("rb") as file:
            return self._send(file, bars)

    def drop_packed(self, members: FolderMembers, found: Findings, bars: Bars) -> Dropped:
        """Pack a folder, and upload the archive."""
        with tempfile.TemporaryFile() as file:
            with bars("Packing") as progress:
                pack(members, found, file, progress)
            return self._send(file, bars)

    def drop_loose(self, members: FolderMembers, found: Findings, bars: Bars) -> Dropped:
        """Upload images that aren't there, many at once, then the manifest."""
        with bars("Uploading") as progress:
            sent = loose.send_images(self.s3, self.bucket, self.key, members, found, progress)
        name, body = loose.manifest(members, found)
        with tempfile.SpooledTemporaryFile() as file:
            file.write(body)
            content = sending.Content.of(file)
            there = sending.existing(self.s3, self.bucket, self.key + name, content)
            if there and there.same and not sent and not self.again:
                return Dropped(self.key + name, there.version, "was there already: nothing was uploaded")
            version = sending.send(
                self.s3, self.bucket, self.key + name, file, content, lambda _done, _of: None
            )
        return Dropped(self.key + name, version, f"uploaded images: {sent:,}, and the manifest")

    def _send(self, file: IO[bytes], bars: Bars) -> Dropped:
        content = sending.Content.of(file)
        there = sending.existing(self.s3, self.bucket, self.key, content)
        if there and there.same and not self.again:
            return Dropped(self.key, there.version, "was there already: nothing was uploaded")
        with bars("Uploading", in_bytes=True) as progress:
            version = sending.send(self.s3, self.bucket, self.key, file, content, progress)
        other = ", a new version, whose run is its own" if there else ""
        return Dropped(self.key, version, f"uploaded, {content.size:,} bytes{other}")


def key_of(name: str, ending: str) -> str:
    """The key of a batch: with `ending` an archive, else a folder with its slash; ValueError for no name."""
    if not ending:
        layout.upload(f"{INCOMING}{name}/{loose.MANIFEST}")
        return f"{INCOMING}{name}/"
    key = f"{INCOMING}{name.removesuffix(ending)}{ending}"
    layout.upload(key)
    return key


def ending_of(path: Path) -> str:
    """The ending of an archive, in lower case; that of a packed folder for anything else."""
    endings = [ending for ending in layout.ARCHIVES if path.name.lower().endswith(ending)]
    return max(endings, key=len) if endings else layout.ARCHIVES[0]
