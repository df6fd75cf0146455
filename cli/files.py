"""Downloads objects of the bucket."""

from pathlib import Path
from typing import Any


def fetch(s3: Any, bucket: str, prefix: str, out: Path) -> list[Path]:
    """Download the objects below `prefix` to the same paths below `out`; returns the files, in order."""
    files = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            file = out / entry["Key"]
            file.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(bucket, entry["Key"], str(file))
            files.append(file)
    return files
