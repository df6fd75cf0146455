"""The references of an archive's images in the transform job's input: where each is, what is read together.

The container (training/container/archives.py) fetches a `range` once for all images of a request in it.
Which ones do is decided here alone, so the number of requests is known before the job.
"""

from collections.abc import Iterator, Sequence

from batch_prediction.archives.member import Member, Reference
from batch_prediction.runs.parts import SMALL_PART

MAX_GAP = 64 * 1024  # bytes between two images that are read all the same: they take less time than a request
MAX_RANGE = 1024 * 1024  # bytes of a range of several images: a container holds one for each of its fetchers


def of_members(members: Sequence[Member | None], kind: str) -> Iterator[tuple[Reference, bool]]:
    """Each member's place in the archive, and whether it begins another range; none if it isn't there.

    The members are in the order of their bytes. A range never goes on in another part of the job's input.
    """
    if kind == "tar.gz":
        first_there = next((number for number, member in enumerate(members) if member), None)
        unpacked = max((member.end for member in members if member), default=0)
        for number, member in enumerate(members):
            place = _place(member)
            if member:
                place["unpacked"] = unpacked
            yield place, number == first_there
        return
    ends = _ends(members)
    begin = 0
    while begin < len(members):
        last = _last(members, ends, begin)
        together = range(begin, last + 1)
        first = members[begin]
        reach = max(ends[begin : last + 1])
        for number in together:
            place = _place(members[number])
            if first:
                place["range"] = [first.at, reach]
            yield place, number == begin and first is not None
        begin = last + 1


def _ends(members: Sequence[Member | None]) -> list[int]:
    """Where each member's bytes end: that of a zip's isn't known exactly, but where the next one begins.

    An empty one is given a byte: S3 takes an empty range for none, and would send the whole archive.
    """
    ends, following = [0] * len(members), None
    for number in range(len(members) - 1, -1, -1):
        if member := members[number]:
            begins = following is not None and following > member.at
            ends[number] = max(
                min(member.end, following) if begins and following else member.end, member.at + 1
            )
            if following is None or member.at < following:
                following = member.at
    return ends


def _last(members: Sequence[Member | None], ends: Sequence[int], begin: int) -> int:
    """The last of the members from `begin` on that are read by one request."""
    first, reach, last = members[begin], ends[begin], begin
    if first is None:
        return begin
    while (following := last + 1) < len(members) and following % SMALL_PART:
        member = members[following]
        if member is None or member.at - reach > MAX_GAP or ends[following] - first.at > MAX_RANGE:
            break
        reach, last = max(reach, ends[following]), following
    return last


def _place(member: Member | None) -> Reference:
    if member is None:
        return {}
    place: Reference = {"at": member.at, "size": member.size}
    if member.crc is not None:
        place |= {"packed": member.packed, "method": member.method, "crc": member.crc}
    return place
