"""A published file, downloaded once: from the first mirror that has it, going on where it broke off."""

import hashlib
from collections.abc import Callable, Sequence
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from training.container.data import DataError

Progress = Callable[
    [str, int, int | None], None
]  # the file's name, its bytes so far, and all if that is known
TRIES = 3  # of each mirror
_SECONDS = 30  # without a byte
_CHUNK = 1 << 16  # bytes


class _OtherMirrorError(Exception):
    """A mirror has no such file, or another one."""


def download(addresses: Sequence[str], md5: str, file: Path, progress: Progress) -> Path:
    """Have a file with this digest, which is compared before each use; returns it.

    Until it is whole it is kept as `<file>.part`. DataError when no mirror has it, with what each answered.
    """
    part = file.with_name(f"{file.name}.part")
    if _has_digest(file, md5):
        return file
    file.parent.mkdir(parents=True, exist_ok=True)
    tried = []
    for address in addresses:
        for _ in range(TRIES):
            try:
                _go_on(address, md5, part, progress)
                part.replace(file)
            except _OtherMirrorError as error:
                tried.append(f"{address}: {error}")
                break
            except (OSError, HTTPException) as error:
                tried.append(f"{address}: {error or type(error).__name__}")
            else:
                return file
    raise DataError(
        f"{file.name}: expected a file with the MD5 digest {md5}, found none; tried {'; '.join(tried)}. "
        f"Try again, which goes on where it broke off, or put the file into {file.parent}"
    )


def _go_on(address: str, md5: str, part: Path, progress: Progress) -> None:
    """Download what is missing of a file (https://www.rfc-editor.org/rfc/rfc9110#name-range-requests)."""
    begin = part.stat().st_size if part.exists() else 0
    if begin and _has_digest(part, md5):
        return
    headers = {"Range": f"bytes={begin}-"} if begin else {}
    try:
        with urlopen(Request(address, headers=headers), timeout=_SECONDS) as answer:  # noqa: S310 (a published one)
            if answer.status != 206:  # the whole file, whatever was asked for
                done = 0
            elif answer.headers.get("Content-Range", "").startswith(f"bytes {begin}-"):
                done = begin
            else:
                part.unlink()
                raise ConnectionError(f"answered another range than {headers['Range']}")
            length = answer.headers.get("Content-Length")
            total = done + int(length) if length else None
            with part.open("ab" if done else "wb") as written:
                while chunk := answer.read(_CHUNK):
                    written.write(chunk)
                    done += len(chunk)
                    progress(part.stem, done, total)
    except HTTPError as error:
        if error.code == 416:  # nothing comes after what is there, which isn't the file
            part.unlink()
        elif error.code < 500:
            raise _OtherMirrorError(str(error)) from error
        raise
    if total is not None and done < total:
        raise ConnectionError(f"broke off after {done:,} of {total:,} bytes")
    if not _has_digest(part, md5):
        found = _digest(part)
        part.unlink()
        if begin:  # what was there may be to blame
            raise ConnectionError(f"found the MD5 digest {found}")
        raise _OtherMirrorError(f"found the MD5 digest {found}")


def _has_digest(file: Path, md5: str) -> bool:
    return file.is_file() and _digest(file) == md5


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
