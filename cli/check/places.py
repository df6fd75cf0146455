"""What a path names: a folder, an archive or a manifest, on this machine or in a bucket."""

from pathlib import Path

from botocore.exceptions import ClientError

from batch_prediction import layout
from batch_prediction.archives.ranges import ArchiveError, ObjectVersion
from batch_prediction.start.archive import ArchiveMembers, Members
from cli import stack
from cli.check.archive_file import ArchiveFile
from cli.check.bucket_folder import BucketFolder
from cli.check.folder import FolderMembers

S3 = "s3://"
# An object of a bucket without versions has this one:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html
_NO_VERSION = "null"


def is_archive(name: str) -> bool:
    """Whether a file's name ends as an archive's does."""
    return name.lower().endswith(layout.ARCHIVES)


def members_of(path: str) -> Members:
    """The files of a batch; ArchiveError for a path that names none, or an archive that can't be read."""
    if path.startswith(S3):
        return _in_bucket(path)
    place = Path(path)
    if place.is_dir():
        return FolderMembers(place)
    if not place.is_file():
        raise ArchiveError(
            f"{path}: expected a folder, an archive or a manifest, found nothing: look for a misspelt path"
        )
    try:
        if is_archive(place.name):
            return ArchiveMembers(ArchiveFile(place))
        return FolderMembers(place.absolute().parent, place.absolute())
    except OSError as error:
        raise ArchiveError(f"expected a file that can be read, found: {error}") from error


def _in_bucket(path: str) -> Members:
    bucket, _, key = path.removeprefix(S3).partition("/")
    s3 = stack.client("s3")
    if key.endswith("/") or not key:
        return BucketFolder(s3, bucket, key)
    try:
        head = s3.head_object(Bucket=bucket, Key=key)
        if is_archive(key):
            version = head.get("VersionId", _NO_VERSION)
            return ArchiveMembers(ObjectVersion(s3, bucket, key, version))
    except ClientError as error:
        raise ArchiveError(f"{path}: expected an object that can be read, found: {error}") from error
    folder, slash, name = key.rpartition("/")
    if name.lower() not in layout.MANIFESTS:
        raise ArchiveError(
            f"{path}: expected a manifest or an archive, found the name {name!r}: those that start a run are "
            f"{', '.join(layout.MANIFESTS)}, and those that end in {', '.join(layout.ARCHIVES)}"
        )
    return BucketFolder(s3, bucket, folder + slash, name)
