"""What has been uploaded, as lines of a transform job's input: a manifest's or an archive's."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from batch_prediction.archives.member import Reference
from batch_prediction.archives.ranges import ObjectVersion
from batch_prediction.layout import Archive, Manifest, upload
from batch_prediction.manifests.folder import BatchFolder
from batch_prediction.manifests.reading import read
from batch_prediction.manifests.records import LeftOut
from batch_prediction.start import references
from batch_prediction.start.archive import read_archive
from batch_prediction.start.slice_fields import SliceFields

if TYPE_CHECKING:
    from batch_prediction.aws.types import S3Client

_CHUNK = 1024 * 1024  # bytes read from S3 at once


class Line(NamedTuple):
    """A line of the job's input: the image's address, the reference that the container gets, the rest."""

    address: str
    reference: Reference
    label: int | None
    fields: dict[str, str]
    bad_label: LeftOut | None = None


class Source:
    """What has been uploaded. What it says of itself is complete when its items have been read.

    `requests` are those of the container for images, None for one an image; `how` says what it was read as.
    """

    def __init__(self) -> None:
        self.slices = SliceFields()
        self.requests: int | None = None
        self.how: str | None = None

    def items(self) -> Iterator[Line | LeftOut]:
        """The lines and what is left out, once."""
        raise NotImplementedError


def open_source(s3: "S3Client", bucket: str, key: str, version: str, max_images: int) -> Source:
    """The source of an uploaded version; ValueError for a key that starts no run."""
    place = upload(key)
    if isinstance(place, Archive):
        return _ArchiveSource(ObjectVersion(s3, bucket, key, version), max_images)
    return _ManifestSource(s3, bucket, place, key, version)


class _ManifestSource(Source):
    """A manifest, whose images are objects of their own."""

    def __init__(self, s3: "S3Client", bucket: str, manifest: Manifest, key: str, version: str) -> None:
        super().__init__()
        body = s3.get_object(Bucket=bucket, Key=key, VersionId=version)["Body"]
        self._chunks, self._name = body.iter_chunks(_CHUNK), manifest.name
        self._folder = BatchFolder(bucket, manifest.folder)

    def items(self) -> Iterator[Line | LeftOut]:
        """A line for each of the manifest's."""
        reading = read(self._chunks, self._folder, self._name)
        try:
            for item in reading:
                if isinstance(item, LeftOut):
                    yield item
                else:
                    fields = self.slices.take(item.others) if item.others else {}
                    yield Line(item.image, {"source-ref": item.image}, item.label, fields, item.bad_label)
        finally:
            self.how = reading.how


class _ArchiveSource(Source):
    """An archive, whose images are members of one object's version."""

    def __init__(self, archive: ObjectVersion, max_images: int) -> None:
        super().__init__()
        self._archive, self._max_images = archive, max_images

    def items(self) -> Iterator[Line | LeftOut]:
        """A line for each image in the archive, or for each line of the manifest in it."""
        found = read_archive(self._archive, self._max_images, self.slices.take)
        self.how = found.how
        yield from found.left_out
        requests = 0
        source = self._archive.address
        places = references.of_members([image.member for image in found.images], found.kind)
        for image, (place, another) in zip(found.images, places, strict=True):
            requests += another
            reference = {"source-ref": source, "version": self._archive.version, "member": image.name} | place
            yield Line(image.address, reference, image.label, image.fields, image.bad_label)
        self.requests = requests
