"""A checked folder as one zip: the same bytes for the same files, so that an interrupted upload can go on."""

import shutil
import zipfile
from typing import IO

from batch_prediction.layout import is_manifest_name
from cli.check.findings import Findings, Progress
from cli.check.folder import FolderMembers

_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can have
_READABLE = 0o100644 << 16  # a file's rights, as Unix has them
_UNIX = 3


def pack(members: FolderMembers, found: Findings, file: IO[bytes], progress: Progress) -> None:
    """Write the files that labels come from, then the images, stored: images hardly compress."""
    images = [image.name for image in found.used if image.member]
    names = list(dict.fromkeys([*found.beside, *images]))
    with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
        for number, name in enumerate(names, start=1):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.create_system, entry.external_attr = _UNIX, _READABLE
            entry.compress_type = zipfile.ZIP_DEFLATED if is_manifest_name(name) else zipfile.ZIP_STORED
            path = members.path(name)
            entry.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(entry, "w") as packed:
                shutil.copyfileobj(source, packed)
            progress(number, len(names))
