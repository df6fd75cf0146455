"""Words that tests of the local cloud share: wait for something, read what lies in a bucket."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

Found = TypeVar("Found")


def until(look: Callable[[], Found | None], seconds: float = 300.0) -> Found:
    """Look until there is something, and return it; TimeoutError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s, found nothing")
        time.sleep(0.02)
    return found


def objects(s3: Any, bucket: str, prefix: str) -> dict[str, bytes]:
    """Every object below a prefix, by its key."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}
