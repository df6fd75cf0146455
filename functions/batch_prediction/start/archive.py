"""What an archive has to score: its images in the order of their bytes, with the labels that are found in it.

The labels are those of the manifest at the archive's root or in its only folder, else those of WebDataset's
`<image>.cls`, else of class folders (`…/7/x.png`), else of WebDataset's `<image>.json`
(https://github.com/webdataset/webdataset); else there are none.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, Protocol

import orjson

from batch_prediction import labels
from batch_prediction.archives import listing
from batch_prediction.archives.listing import Item
from batch_prediction.archives.member import Member, Unusable, too_large, unpack
from batch_prediction.archives.ranges import ArchiveBytes, ArchiveError
from batch_prediction.layout import check_name, image_address, is_manifest_name
from batch_prediction.manifests.folder import relative_path
from batch_prediction.manifests.reading import read
from batch_prediction.manifests.records import LeftOut, Record

MEMBERS_AN_IMAGE = 3  # members of any kind for each image of a batch: an image, its label, its text
_IMAGE = re.compile(r"\.(png|jpe?g|jpe|jfif|gif|bmp|tiff?|webp|pgm|ppm|pnm)$", re.IGNORECASE)
_ARCHIVE = re.compile(r"\.(zip|tar|gz|tgz|bz2|tbz2?|xz|txz|zst|7z|rar)$", re.IGNORECASE)
_JUNK = re.compile(r"(^|/)(__MACOSX/|\._|\.DS_Store$|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
_SIDECARS = ("cls", "json")  # endings of WebDataset's files next to an image that may hold its label
_MAX_SIDECAR = 64 * 1024  # bytes
_LABEL_NAMES = ("label", "cls", "class", "digit")  # of a .json next to an image

Take = Callable[[Mapping[str, object]], dict[str, str]]


class Image(NamedTuple):
    """An image to score; `member` is None for one that the manifest names and the archive lacks.

    `bad_label` says why its label isn't used.
    """

    address: str
    name: str
    member: Member | None
    label: int | None
    fields: dict[str, str]
    bad_label: LeftOut | None = None


class Reading(NamedTuple):
    """The archive's kind, how it was read, its images in the order of their bytes, and the rest.

    `beside` are the members that labels come from: the manifest, or the files next to images.
    """

    kind: str
    how: str
    images: list[Image]
    left_out: list[LeftOut]
    beside: list[str]


@dataclass
class _Contents:
    """An archive's members by what they are for, by name."""

    images: dict[str, Member] = field(default_factory=dict)
    sidecars: dict[str, Member] = field(default_factory=dict)
    manifests: dict[str, Member] = field(default_factory=dict)
    others: dict[str, Member] = field(default_factory=dict)
    unusable: dict[str, str] = field(default_factory=dict)  # the reasons
    roots: set[str] = field(default_factory=set)  # folders at the root, and "" for a file there; two suffice


class Members(Protocol):
    """Files that are a batch together: an archive's, or (for `digits check`) a folder's.

    `form` says in words what they lie in, `what` in one, and `kind` as references.py tells archives apart.
    """

    form: str
    what: str
    kind: str
    root: str  # what a reference from elsewhere than the manifest's folder begins with; empty for nothing

    def address(self, name: str) -> str:
        """What reports call a member."""
        ...

    def files(self) -> Iterator[Item]:
        """The files in their order, once."""
        ...

    def reader(self) -> Callable[[Member], Iterator[bytes]]:
        """What reads members piece by piece, by increasing position; ArchiveError for a damaged one."""
        ...


class ArchiveMembers:
    """The files of an archive."""

    what, root = "archive", ""

    def __init__(self, archive: ArchiveBytes) -> None:
        """Look at the beginning; ArchiveError if it is no archive."""
        self._archive = archive
        self.kind, self._files = listing.listing(archive)
        self.form = f"a {self.kind} archive"

    def address(self, name: str) -> str:
        """The archive's address, `#`, and the member."""
        return image_address(self._archive.address, name)

    def files(self) -> Iterator[Item]:
        """The files by the archive's directory."""
        return self._files

    def reader(self) -> Callable[[Member], Iterator[bytes]]:
        """What unpacks members; a .tar.gz is read from its beginning."""
        return partial(unpack, listing.content(self._archive, self.kind))


def read_archive(archive: ArchiveBytes, max_images: int, take: Take) -> Reading:
    """Read an archive's directory and labels; ArchiveError or ManifestError if they can't be used."""
    return read_members(ArchiveMembers(archive), max_images, take)


def read_members(members: Members, max_images: int, take: Take) -> Reading:
    """Find images and labels among files; ValueError (ArchiveError, ManifestError) if they can't be used.

    `take` gives of a manifest line's other fields those that are kept. In memory, the members.
    """
    contents = _sorted_out(members, MEMBERS_AN_IMAGE * max_images)
    folder = _MembersFolder(members, "")
    images, left_out = list[Image](), list[LeftOut]()
    if manifest := _manifest(contents, members.what):
        folder = _MembersFolder(members, manifest.name.rpartition("/")[0])
        lines = read(members.reader()(manifest), folder, manifest.name)
        for line in lines:
            item = line if isinstance(line, LeftOut) else _named(line, folder, contents, take)
            images.append(item) if isinstance(item, Image) else left_out.append(item)
            if len(images) + len(left_out) > max_images:
                break
        used, how = {manifest.name, *(image.name for image in images)}, f"{manifest.name} in it {lines.how}"
    else:
        label, how, used = _labels(contents, members)
        used |= contents.images.keys()
        for member in contents.images.values():
            images.append(_labelled(member, folder, label))
    named = () if manifest is None else {item.text for item in left_out}
    left_out += [LeftOut.of(None, *each) for each in contents.unusable.items() if each[0] not in named]
    images.sort(key=lambda image: image.member.at if image.member else -1)
    how = f"read as {members.form}; {how}{_passed_over(contents, used)}"
    beside = sorted(used - {image.name for image in images})
    return Reading(members.kind, how, images, left_out, beside)


class _MembersFolder:
    """The folder of a manifest among others' files: images are named from there, or from their root."""

    def __init__(self, members: Members, inside: str) -> None:
        self._root, self._inside = members.root, f"{inside}/" if inside else ""
        self.address = members.address

    def resolve(self, reference: str) -> str:
        """The address of a member; ValueError for a reference that leads to none."""
        if reference.startswith(self.address("")):  # as reports call it
            name = self.name(reference)
        else:
            path = relative_path(reference).removeprefix(self._root)
            name = self._inside + path.removeprefix(self._inside)
        check_name(name)
        return self.address(name)

    def name(self, address: str) -> str:
        """The member of an address."""
        return address.removeprefix(self.address(""))


def _sorted_out(members: Members, most: int) -> _Contents:
    contents, names, twice = _Contents(), set[str](), set[str]()
    for number, item in enumerate(members.files()):
        if number == most:
            raise ArchiveError(
                f"expected at most {most:,} members in the {members.what}, {MEMBERS_AN_IMAGE} for each of "
                "the stack's parameter MaxImages, found more: divide the batch, or raise MaxImages"
            )
        if _JUNK.search(item.name):
            continue
        if item.name in names:
            twice.add(item.name)
        names.add(item.name)
        if len(contents.roots) < 2:
            contents.roots.add(item.name.partition("/")[0] if "/" in item.name else "")
        _put(contents, item, members.what)
    for name in twice:
        for kept in (contents.images, contents.sidecars, contents.manifests, contents.others):
            kept.pop(name, None)
        contents.unusable[name] = (
            "expected one member of this name, found several: it isn't clear which is meant"
        )
    if not names:
        raise ArchiveError(
            f"expected images in the {members.what}, found an empty one: put images in, and upload it again"
        )
    return contents


def _put(contents: _Contents, item: Item, what: str) -> None:
    name = item.name
    if _ARCHIVE.search(name):
        contents.unusable[name] = f"an archive inside the {what} isn't read: unpack it first"
    elif isinstance(item, Unusable):
        contents.unusable[name] = item.reason
    elif _IMAGE.search(name):
        if reason := too_large(item):
            contents.unusable[name] = reason
        else:
            contents.images[name] = item
    elif is_manifest_name(name):
        contents.manifests[name] = item
    elif name.rpartition(".")[2].lower() in _SIDECARS and item.size <= _MAX_SIDECAR:
        contents.sidecars[name] = item
    else:
        contents.others[name] = item


def _manifest(contents: _Contents, what: str) -> Member | None:
    """The manifest at the root, else in the only folder; ArchiveError where there are several."""
    found = [name for name in contents.manifests if "/" not in name]
    if not found and len(contents.roots) == 1:
        found = [name for name in contents.manifests if name.count("/") == 1]
    if len(found) > 1:
        raise ArchiveError(
            f"expected one manifest in the {what}, found {' and '.join(sorted(found)[:3])}: remove the others"
        )
    return contents.manifests[found[0]] if found else None


def _named(line: Record, folder: _MembersFolder, contents: _Contents, take: Take) -> Image | LeftOut:
    """What a manifest's line names."""
    name = folder.name(line.image)
    member = contents.images.get(name) or contents.others.get(name)
    if reason := contents.unusable.get(name) or (too_large(member) if member else None):
        return LeftOut.of(None, name, reason)
    return Image(
        line.image, name, member, line.label, take(line.others) if line.others else {}, line.bad_label
    )


_Label = Callable[[str], object]  # a member's name to a label as it is written, or None


def _labels(contents: _Contents, members: Members) -> tuple[_Label, str, set[str]]:
    """What gives an image its label, how that is called, and which members it takes."""
    if found := _webdataset(contents, members, "cls", lambda body: body.decode(errors="replace").strip()):
        return found[0], "labels from WebDataset's .cls", found[1]
    if any(_folder_label(name) is not None for name in contents.images):
        return _folder_label, "labels from class folders", set()
    if found := _webdataset(contents, members, "json", _label_in_json):
        return found[0], "labels from WebDataset's .json", found[1]
    return lambda _: None, "without labels", set()


def _webdataset(
    contents: _Contents, members: Members, ending: str, parse: Callable[[bytes], object]
) -> tuple[_Label, set[str]] | None:
    """The labels in the files that are called as an image is; None where no image has such a file."""
    images = {_sample(name) for name in contents.images}
    beside = [
        member
        for name, member in contents.sidecars.items()
        if name.lower().endswith(f".{ending}") and _sample(name) in images
    ]
    if not beside:
        return None
    found = {_sample(name): parse(body) for name, body in _bodies(members, beside)}
    if all(label is None for label in found.values()):
        return None
    return lambda name: found.get(_sample(name)), {member.name for member in beside}


def _bodies(members: Members, small: Iterable[Member]) -> Iterator[tuple[str, bytes]]:
    """Names and contents of small members, by position; ArchiveError for a damaged one."""
    read_member = members.reader()
    for member in sorted(small, key=lambda member: member.at):
        yield member.name, b"".join(read_member(member))


def _sample(name: str) -> str:
    """What WebDataset calls a sample's key: a name up to the first dot in its last part."""
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.partition(".")[0]


def _label_in_json(body: bytes) -> object:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(content, dict):
        return None
    return next((content[name] for name in _LABEL_NAMES if content.get(name) is not None), None)


def _folder_label(name: str) -> int | None:
    """The label that an image's folder is called by."""
    try:
        return labels.parse(name.rpartition("/")[0].rpartition("/")[2])
    except ValueError:
        return None


def _labelled(member: Member, folder: _MembersFolder, label: _Label) -> Image:
    address, written = folder.address(member.name), label(member.name)
    try:
        found = None if written is None else labels.parse(written)
    except ValueError as error:
        bad = LeftOut.of(None, member.name, str(error), "label")
        return Image(address, member.name, member, None, {}, bad)
    return Image(address, member.name, member, found, {})


def _passed_over(contents: _Contents, used: set[str]) -> str:
    """In words, how many members were for nothing, with an example."""
    everything = (contents.images, contents.manifests, contents.others, contents.sidecars)
    idle = [name for kind in everything for name in kind if name not in used]
    return f"; other files passed over: {len(idle):,}, such as {idle[0][:100]}" if idle else ""
