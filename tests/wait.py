"""Words that tests of the local cloud share: wait for something, read what lies in a bucket."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

Found = TypeVar("Found")


def until(look: Callable[[], Found | None], seconds: float = 300.0) -> Found:
    """Look until there is something, and return it; TimeoutError after `seconds`."""
    deadline, pause = time.monotonic() + seconds, 0.02
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s, found nothing")
        time.sleep(pause)
        pause = min(1.5 * pause, 0.2)  # each look is a request, and takes the time of what is waited for
    return found


def objects(s3: Any, bucket: str, prefix: str) -> dict[str, bytes]:
    """Every object below a prefix, by its key."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}
