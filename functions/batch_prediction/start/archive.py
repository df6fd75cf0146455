"""What an archive has to score: its images in the order of their bytes, with the labels that are found in it.

The labels are those of the manifest at the archive's root or in its only folder, else those of WebDataset's
`<image>.cls`, else of class folders (`…/7/x.png`), else of WebDataset's `<image>.json`
(https://github.com/webdataset/webdataset); else there are none.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from batch_prediction import labels
from batch_prediction.archives import listing
from batch_prediction.archives.listing import Item
from batch_prediction.archives.member import Member, Unusable, too_large, unpack
from batch_prediction.archives.ranges import ArchiveError, ObjectVersion
from batch_prediction.layout import INCOMING, Manifest, check_name, image_address
from batch_prediction.manifests.folder import relative_path
from batch_prediction.manifests.reading import read
from batch_prediction.manifests.records import LeftOut, Record

MEMBERS_AN_IMAGE = (
    3  # members of any kind for each image that a batch may have: an image, its label, its text
)
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
    """The archive's kind, how it was read, its images in the order of their bytes, and the rest."""

    kind: str
    how: str
    images: list[Image]
    left_out: list[LeftOut]


@dataclass
class _Contents:
    """An archive's members by what they are for, by name."""

    images: dict[str, Member] = field(default_factory=dict)
    sidecars: dict[str, Member] = field(default_factory=dict)
    manifests: dict[str, Member] = field(default_factory=dict)
    others: dict[str, Member] = field(default_factory=dict)
    unusable: dict[str, str] = field(default_factory=dict)  # the reasons
    roots: set[str] = field(default_factory=set)  # folders at the root, and "" for a file there; two suffice


def read_archive(archive: ObjectVersion, max_images: int, take: Take) -> Reading:
    """Read an archive's directory and labels; ValueError (ArchiveError, ManifestError) if it can't be used.

    `take` gives of a manifest line's other fields those that are kept. In memory, the archive's members.
    """
    kind, files = listing.listing(archive)
    contents = _sorted_out(files, MEMBERS_AN_IMAGE * max_images)
    texts, folder = _Texts(archive, kind), _ArchiveFolder(archive, "")
    images, left_out = list[Image](), list[LeftOut]()
    if manifest := _manifest(contents):
        folder = _ArchiveFolder(archive, manifest.name.rpartition("/")[0])
        lines = read(texts.read(manifest), folder, manifest.name)
        for line in lines:
            item = line if isinstance(line, LeftOut) else _named(line, folder, contents, take)
            images.append(item) if isinstance(item, Image) else left_out.append(item)
            if len(images) + len(left_out) > max_images:
                break
        used, how = {manifest.name, *(image.name for image in images)}, f"{manifest.name} in it {lines.how}"
    else:
        label, how, used = _labels(contents, texts)
        used |= contents.images.keys()
        for member in contents.images.values():
            images.append(_labelled(member, folder, label))
    named = () if manifest is None else {item.text for item in left_out}
    left_out += [LeftOut.of(None, *each) for each in contents.unusable.items() if each[0] not in named]
    images.sort(key=lambda image: image.member.at if image.member else -1)
    return Reading(kind, f"read as a {kind} archive; {how}{_passed_over(contents, used)}", images, left_out)


class _ArchiveFolder:
    """The folder of a manifest in an archive: images are named from there, or from the archive's root."""

    def __init__(self, archive: ObjectVersion, inside: str) -> None:
        self._source, self._inside = f"s3://{archive.bucket}/{archive.key}", f"{inside}/" if inside else ""

    def resolve(self, reference: str) -> str:
        """The address of a member; ValueError for a reference that leads out of the archive."""
        if reference.startswith(self.address("")):  # as reports call it
            name = self.name(reference)
        else:
            name = self._inside + relative_path(reference).removeprefix(self._inside)
        check_name(name)
        return self.address(name)

    def address(self, name: str) -> str:
        """What reports call a member."""
        return image_address(self._source, name)

    def name(self, address: str) -> str:
        """The member of an address."""
        return address.removeprefix(self.address(""))


def _sorted_out(files: Iterable[Item], most: int) -> _Contents:
    contents, names, twice = _Contents(), set[str](), set[str]()
    for number, item in enumerate(files):
        if number == most:
            raise ArchiveError(
                f"expected at most {most:,} members in an archive, {MEMBERS_AN_IMAGE} for each of the "
                "stack's parameter MaxImages, found more: divide the batch, or raise MaxImages"
            )
        if _JUNK.search(item.name):
            continue
        if item.name in names:
            twice.add(item.name)
        names.add(item.name)
        if len(contents.roots) < 2:
            contents.roots.add(item.name.partition("/")[0] if "/" in item.name else "")
        _put(contents, item)
    for name in twice:
        for kept in (contents.images, contents.sidecars, contents.manifests, contents.others):
            kept.pop(name, None)
        contents.unusable[name] = (
            "expected one member of this name, found several: it isn't clear which is meant"
        )
    if not names:
        raise ArchiveError("expected images in the archive, found an empty one: pack and upload it again")
    return contents


def _put(contents: _Contents, item: Item) -> None:
    name = item.name
    if _ARCHIVE.search(name):
        contents.unusable[name] = "an archive inside the archive isn't read: unpack it first"
    elif isinstance(item, Unusable):
        contents.unusable[name] = item.reason
    elif _IMAGE.search(name):
        if reason := too_large(item):
            contents.unusable[name] = reason
        else:
            contents.images[name] = item
    elif _is_manifest(name):
        contents.manifests[name] = item
    elif name.rpartition(".")[2].lower() in _SIDECARS and item.size <= _MAX_SIDECAR:
        contents.sidecars[name] = item
    else:
        contents.others[name] = item


def _is_manifest(name: str) -> bool:
    try:
        Manifest.at(f"{INCOMING}archive/{name.rpartition('/')[2]}")
    except ValueError:
        return False
    return True


def _manifest(contents: _Contents) -> Member | None:
    """The manifest at the root, else in the only folder; ArchiveError where there are several."""
    found = [name for name in contents.manifests if "/" not in name]
    if not found and len(contents.roots) == 1:
        found = [name for name in contents.manifests if name.count("/") == 1]
    if len(found) > 1:
        raise ArchiveError(
            f"expected one manifest in the archive, found {' and '.join(sorted(found)[:3])}: "
            "remove the others"
        )
    return contents.manifests[found[0]] if found else None


class _Texts:
    """The texts in an archive, which is read once more for each time that some are asked for."""

    def __init__(self, archive: ObjectVersion, kind: str) -> None:
        self._archive, self._kind = archive, kind

    def read(self, member: Member) -> Iterator[bytes]:
        """One member's content, piece by piece; ArchiveError for a damaged one."""
        return unpack(listing.content(self._archive, self._kind), member)

    def read_all(self, members: Iterable[Member]) -> Iterator[tuple[str, bytes]]:
        """Names and contents of small members, by position; ArchiveError for a damaged one."""
        content = listing.content(self._archive, self._kind)
        for member in sorted(members, key=lambda member: member.at):
            yield member.name, b"".join(unpack(content, member))


def _named(line: Record, folder: _ArchiveFolder, contents: _Contents, take: Take) -> Image | LeftOut:
    """What a manifest's line names."""
    name = folder.name(line.image)
    member = contents.images.get(name) or contents.others.get(name)
    if reason := contents.unusable.get(name) or (too_large(member) if member else None):
        return LeftOut.of(None, name, reason)
    return Image(
        line.image, name, member, line.label, take(line.others) if line.others else {}, line.bad_label
    )


_Label = Callable[[str], object]  # a member's name to a label as it is written, or None


def _labels(contents: _Contents, texts: _Texts) -> tuple[_Label, str, set[str]]:
    """What gives an image its label, how that is called, and which members it takes."""
    if found := _webdataset(contents, texts, "cls", lambda body: body.decode(errors="replace").strip()):
        return found[0], "labels from WebDataset's .cls", found[1]
    if any(_folder_label(name) is not None for name in contents.images):
        return _folder_label, "labels from class folders", set()
    if found := _webdataset(contents, texts, "json", _label_in_json):
        return found[0], "labels from WebDataset's .json", found[1]
    return lambda _: None, "without labels", set()


def _webdataset(
    contents: _Contents, texts: _Texts, ending: str, parse: Callable[[bytes], object]
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
    found = {_sample(name): parse(body) for name, body in texts.read_all(beside)}
    if all(label is None for label in found.values()):
        return None
    return lambda name: found.get(_sample(name)), {member.name for member in beside}


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


def _labelled(member: Member, folder: _ArchiveFolder, label: _Label) -> Image:
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
