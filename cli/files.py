"""Copies objects of the bucket to this machine."""

from pathlib import Path
from typing import Any


def fetch(s3: Any, bucket: str, prefix: str, out: Path) -> list[Path]:
    """Copy what lies below `prefix` to the same place below `out`; the files, in order."""
    files = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            file = out / entry["Key"]
            file.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(bucket, entry["Key"], str(file))
            files.append(file)
    return files
