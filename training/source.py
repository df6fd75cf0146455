"""The training code as SageMaker's script mode expects it: sourcedir.tar.gz in S3."""

import gzip
import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

from batch_prediction.layout import CODE

CONTAINER = Path(__file__).parent / "container"
ENTRY_POINT = "train.py"


def pack(folder: Path = CONTAINER) -> bytes:
    """The folder's files as sourcedir.tar.gz: the same bytes for the same files."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as archive,
    ):
        for file in sorted(path for path in folder.iterdir() if path.is_file()):
            entry = tarfile.TarInfo(file.name)
            entry.size, entry.mode = file.stat().st_size, 0o644
            with file.open("rb") as content:
                archive.addfile(entry, content)
    return packed.getvalue()


def upload(s3: Any, bucket: str) -> str:
    """Put the training code below code/<its digest>/; returns its `s3://` address."""
    packed = pack()
    key = f"{CODE}{hashlib.sha256(packed).hexdigest()[:16]}/sourcedir.tar.gz"
    s3.put_object(Bucket=bucket, Key=key, Body=packed)
    return f"s3://{bucket}/{key}"
