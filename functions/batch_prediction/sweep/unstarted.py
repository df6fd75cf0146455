"""Objects below incoming/ from which no run has started: images without a manifest, or of an unknown kind.

Folders below incoming/ are compared with those below runs/, up to a thousand of each a request
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-prefixes.html), and a folder that has a run is
looked at no further: a sweep costs two requests for a thousand batches, and two for each folder that is new.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from batch_prediction.layout import (
    INCOMING,
    MANIFESTS,
    REPORTS,
    RUNS,
    Archive,
    Run,
    is_manifest,
    is_run_id,
    spellings,
    upload,
)

if TYPE_CHECKING:
    from batch_prediction.aws.types import ListObjectsV2Request, S3Client

QUIET = timedelta(minutes=15)  # since the last upload: before that, a manifest may still come
MIN_REQUESTS, MAX_REQUESTS = 60, 200  # of one sweep: the first if it is in a hurry
COUNTED = 1_000  # objects of a folder: one page of a list
_BEGINNINGS = sorted({f"{text.partition('.')[0]}." for name in MANIFESTS for text in spellings(name)})


class Unstarted(NamedTuple):
    """A folder's objects from which nothing started: `more` where there are more than `objects` of them.

    `run` is to say so in its report.
    """

    run: Run
    objects: int
    more: bool
    example: str


@dataclass
class _Folder:
    """What is directly in a folder: its folders' names, and its objects with their times."""

    folders: set[str] = field(default_factory=set)
    objects: dict[str, datetime] = field(default_factory=dict)


class _NoRequestLeftError(Exception):
    """The sweep has made as many requests as it may."""


class _Lists:
    """Lists of a bucket, MAX_REQUESTS of them at most, or MIN_REQUESTS in a hurry."""

    def __init__(self, s3: "S3Client", bucket: str, in_a_hurry: Callable[[], bool]) -> None:
        self._s3, self._bucket, self._made, self._in_a_hurry = s3, bucket, 0, in_a_hurry

    def folder(self, prefix: str) -> _Folder:
        """What is directly below a prefix."""
        found, request = _Folder(), self._request(prefix)
        request["Delimiter"] = "/"
        while self._page(request, found):
            pass
        return found

    def first(self, prefix: str) -> tuple[_Folder, bool]:
        """The first objects below a prefix, however deep, and whether there are more.

        A page may be empty, though the list goes on.
        """
        found, request = _Folder(), self._request(prefix)
        while (more := self._page(request, found)) and not found.objects:
            pass
        return found, more

    def _request(self, prefix: str) -> "ListObjectsV2Request":
        return {"Bucket": self._bucket, "Prefix": prefix, "MaxKeys": COUNTED}

    def _page(self, request: "ListObjectsV2Request", found: _Folder) -> bool:
        """Add a page of a list; whether it goes on, at what is then in the request."""
        if self._made == MAX_REQUESTS or (self._made >= MIN_REQUESTS and self._in_a_hurry()):
            raise _NoRequestLeftError
        self._made += 1
        page, begin = self._s3.list_objects_v2(**request), len(request["Prefix"])
        found.folders.update(each["Prefix"][begin:-1] for each in page.get("CommonPrefixes", ()))
        for each in page.get("Contents", ()):
            if not each["Key"].endswith("/"):  # what S3's console makes for an empty folder
                found.objects[each["Key"][begin:]] = each["LastModified"]
        if page["IsTruncated"]:
            request["ContinuationToken"] = page["NextContinuationToken"]
        return page["IsTruncated"]


def unstarted(
    s3: "S3Client", bucket: str, now: datetime, in_a_hurry: Callable[[], bool]
) -> Iterator[Unstarted]:
    """All folders that have been quiet for a while, and that neither a run nor a report is about.

    Folders come in the order of their names, until as many requests were made as a sweep may: of more, those
    behind aren't seen.
    """
    try:
        yield from _below(_Lists(s3, bucket, in_a_hurry), "", now - QUIET)
    except _NoRequestLeftError:
        return


def _below(lists: _Lists, folder: str, before: datetime) -> Iterator[Unstarted]:
    """What hasn't started in a folder, given with its slash, that isn't wholly new."""
    runs, batch = lists.folder(RUNS + folder), folder.rstrip("/")
    if any(is_run_id(name) and not Run(batch, name).has_no_manifest for name in runs.folders):
        return  # its objects, and those of its folders, are that batch's images
    if folder and all(map(is_run_id, runs.folders)):  # as new as it was before a report said so
        yield from _quiet(lists, folder, *lists.first(INCOMING + folder), before)
        return
    uploaded = lists.folder(INCOMING + folder)
    yield from _quiet(lists, folder, uploaded, more=False, before=before)
    for name in sorted(uploaded.folders):
        inner = f"{folder}{name}/"
        if name in runs.folders:
            yield from _below(lists, inner, before)
        else:
            yield from _quiet(lists, inner, *lists.first(INCOMING + inner), before)


def _quiet(lists: _Lists, folder: str, found: _Folder, more: bool, before: datetime) -> Iterator[Unstarted]:
    """A folder's objects, unless one came later than `before`, a run waits, or a report is about them."""
    objects = {name: time for name, time in found.objects.items() if not _is_archive(folder, name)}
    if (
        not objects
        or max(objects.values()) > before
        or any(is_manifest(f"{INCOMING}{folder}{name}") for name in objects)
    ):
        return
    if more and _has_manifest(lists, folder):
        return
    run = Run.without_manifest(folder, max(objects.values()))
    reported = filter(is_run_id, lists.folder(f"{REPORTS}{run.batch}/").folders)
    if all(name != run.id and Run(run.batch, name).has_no_manifest for name in reported):
        yield Unstarted(run, len(objects), more, min(objects))


def _has_manifest(lists: _Lists, folder: str) -> bool:
    """Whether a manifest is directly in a folder that has more objects than were listed."""
    return any(
        is_manifest(f"{INCOMING}{folder}{begin}{rest}")
        for begin in _BEGINNINGS
        for rest in lists.first(f"{INCOMING}{folder}{begin}")[0].objects
    )


def _is_archive(folder: str, name: str) -> bool:
    """Whether an object starts a run by itself; where it couldn't, its message has an alarm."""
    try:
        return isinstance(upload(f"{INCOMING}{folder}{name}"), Archive)
    except ValueError:
        return False
