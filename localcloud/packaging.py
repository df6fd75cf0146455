"""Packs a function's folder as `sam build` does: its sources and the packages that it locks."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from localcloud.lambda_.runtime import architecture, runtime

IGNORED = ("__pycache__", ".pyc")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date of a zip: the same files give the same bytes


class PackageError(Exception):
    """A function's folder can't be packed."""


def pack(folder: Path, state: Path) -> bytes:
    """The zip of `folder` and of the packages in its requirements.txt, for this interpreter and processor.

    The packages are installed once for each content of requirements.txt and kept below `state`. Raise
    PackageError when the folder doesn't exist or pip fails.
    """
    if not folder.is_dir():
        raise PackageError(f"CodeUri {folder} isn't a folder; it is relative to the template's folder.")
    files: dict[str, Path] = {}
    requirements = folder / "requirements.txt"
    if requirements.exists() and requirements.read_text().strip():
        files |= dict(_files(install(requirements, state)))
    files |= dict(_files(folder))
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, path in sorted(files.items()):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if os.access(path, os.X_OK) else 0o644) << 16
            archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()


def install(requirements: Path, state: Path) -> Path:
    """The folder below `state` with the packages of a requirements.txt; pip fills it when it is new."""
    locked = f"{runtime()} {sys.platform} {architecture()}\n".encode() + requirements.read_bytes()
    folder = state / "packages" / hashlib.sha256(locked).hexdigest()[:32]
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix="unfinished-"))
    try:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
                *("--no-compile", "--only-binary=:all:", "--target", str(unfinished)),
                *("--requirement", str(requirements)),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise PackageError(
                f"pip could not install {requirements} for {runtime()} on {architecture()}. "
                f"The end of its errors: {done.stderr.strip()[-1500:]}"
            )
        try:
            unfinished.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another program has just installed the same
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files below `folder` that belong in a zip, with their names in it."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") or part.endswith(IGNORED) for part in name.parts)
        if path.is_file() and not hidden:
            yield name.as_posix(), path
