"""Where a manifest's images may lie: references become addresses, or are refused with what to do."""

import re
from typing import Protocol

from batch_prediction.layout import check_name
from batch_prediction.manifests.records import SHOWN

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:[/\\]|file:/", re.IGNORECASE)
_PLAIN = re.compile(r"(?![/\\.]|[A-Za-z][A-Za-z0-9+.-]*:)[^\\]+", re.DOTALL)
_HERE = re.compile(r"\A(?:\./)+")


class Folder(Protocol):
    """What turns a manifest's references into addresses of images, and nothing else into any."""

    def resolve(self, reference: str) -> str:
        """The canonical address of an image; ValueError with the reason for one that may not be read."""
        ...


def relative_path(reference: str) -> str:
    """A reference from the manifest's folder, with slashes; ValueError for one that leads elsewhere.

    Backslashes are Windows's slashes (no key may have one), and `./` at the beginning means nothing.
    """
    if _PLAIN.fullmatch(reference):
        return reference
    if not reference:
        raise ValueError("expected a reference to an image, found an empty text")
    if _ABSOLUTE.match(reference):
        raise ValueError(
            "expected a path from the manifest's folder, found the absolute path "
            f"{reference[:SHOWN]!r}: keep the image next to the manifest, and name it by its path from there"
        )
    if scheme := _SCHEME.match(reference):
        raise ValueError(
            f"expected a path from the manifest's folder, found an address of {scheme[1]}: "
            f"{reference[:SHOWN]!r}: keep the image next to the manifest, and name it by its path from there"
        )
    return _HERE.sub("", reference.replace("\\", "/"))


class BatchFolder:
    """The folder of a manifest in S3: `s3://bucket/incoming/<batch>/`.

    Images are named from the folder, from the bucket's root (`incoming/<batch>/…`), or with `s3://`.
    """

    def __init__(self, bucket: str, folder: str) -> None:
        """`folder` is the key's beginning, with its slash."""
        self._root, self._folder = f"s3://{bucket}/", folder
        self._base = self._root + folder

    def resolve(self, reference: str) -> str:
        """The `s3://` address of an object below the folder; ValueError for any other."""
        if reference.startswith(self._base):
            image = reference
        elif reference.startswith("s3://"):
            found = reference[:SHOWN]
            raise ValueError(
                f"expected an object below {self._base}, found {found}; copy it: "
                f"aws s3 cp {found} {self._base}"
            )
        else:
            image = self._base + relative_path(reference).removeprefix(self._folder)
        check_name(image[len(self._root) :])
        return image
