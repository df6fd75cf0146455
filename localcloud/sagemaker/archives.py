"""The .tar.gz archives that SageMaker unpacks into containers and packs out of them."""

import tarfile
from pathlib import Path
from typing import Any

from localcloud.sagemaker.errors import JobFailed
from localcloud.sagemaker.objects import split_uri


def fetch(s3: Any, uri: str, folder: Path) -> None:
    """Unpack an archive from S3 into a folder, which is made.

    Raise JobFailed for an archive that can't be read or whose members would leave the folder
    (https://docs.python.org/3/library/tarfile.html#tarfile.data_filter).
    """
    bucket, key = split_uri(uri)
    folder.mkdir(parents=True, exist_ok=True)
    with s3.get_object(Bucket=bucket, Key=key)["Body"] as body:
        try:
            with tarfile.open(fileobj=body, mode="r|gz") as archive:
                archive.extractall(folder, filter="data")
        except (tarfile.TarError, EOFError, OSError) as error:
            raise JobFailed(f"ClientError: {uri} can't be unpacked as a .tar.gz archive: {error}") from error


def send(s3: Any, folder: Path, uri: str) -> None:
    """Pack everything in a folder, and upload the archive to an S3 address."""
    bucket, key = split_uri(uri)
    packed = folder.with_name(f"{folder.name}.tar.gz")
    with tarfile.open(packed, "w:gz") as archive:
        for item in sorted(folder.iterdir()):
            archive.add(item, item.name)
    s3.upload_file(str(packed), bucket, key)
    packed.unlink()
