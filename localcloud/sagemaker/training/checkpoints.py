"""A training job's CheckpointConfig: the folder that is filled from S3 and copied to it.

What SageMaker does with it: https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html
"""

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.core.cloud import Cloud
from localcloud.sagemaker import objects
from localcloud.sagemaker.errors import invalid

BASE = PurePosixPath("/opt/ml")
FOLDER = "/opt/ml/checkpoints/"  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CheckpointConfig.html
SECONDS_BETWEEN = 0.5

State = tuple[int, int, int]  # differs where a file's content does


def check(configuration: Mapping[str, str] | None) -> None:
    """Refuse a LocalPath outside /opt/ml, which is the only folder that a local job has for its own."""
    path = (configuration or {}).get("LocalPath", FOLDER)
    if BASE not in PurePosixPath(path).parents or ".." in PurePosixPath(path).parts:
        raise invalid(f"CheckpointConfig: LocalPath is {path!r}; the local cloud knows folders below {BASE}.")


@contextlib.contextmanager
def kept(cloud: Cloud, s3: Any, configuration: Mapping[str, str] | None, base: Path) -> Iterator[None]:
    """Restore the checkpoints below S3Uri; update S3 during the `with` block and at its end.

    LocalPath is the one below `base`, the job's /opt/ml; without a configuration nothing happens. The end
    counts however the script ended. Raises what S3 answers to the restoring or to the last synchronisation.
    """
    if not configuration:
        yield
        return
    path = PurePosixPath(configuration.get("LocalPath", FOLDER))
    checkpoints = Checkpoints(s3, configuration["S3Uri"], base / path.relative_to(BASE))
    checkpoints.restore()
    ended = threading.Event()

    def follow() -> None:
        while not ended.wait(SECONDS_BETWEEN):
            with contextlib.suppress(ClientError, BotoCoreError):  # the last synchronisation raises it
                checkpoints.synchronise()

    following = cloud.spawn(follow, f"checkpoints-{base.name}")
    try:
        yield
    finally:
        ended.set()
        following.join()
    checkpoints.synchronise()


class Checkpoints:
    """A folder and its copy in S3. What others add to the copy later doesn't come into the folder."""

    def __init__(self, s3: Any, uri: str, folder: Path) -> None:
        self._s3, self._folder = s3, folder
        self._bucket, prefix = objects.split_uri(uri)
        self._prefix = prefix.rstrip("/") + "/" if prefix else ""
        self._copied: dict[str, State] = {}  # what S3 holds of the folder, by the key below the prefix

    def restore(self) -> None:
        """Make the folder, and fill it with the objects below the prefix, if there are any."""
        self._folder.mkdir(parents=True, exist_ok=True)
        found = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1)
        if found["KeyCount"]:
            objects.download_below(self._s3, f"s3://{self._bucket}/{self._prefix}", self._folder)
        self._copied = self._files()

    def synchronise(self) -> None:
        """Copy new and changed files to S3, and delete there what has been deleted in the folder."""
        files = self._files()
        for name, state in files.items():
            if self._copied.get(name) != state:
                with contextlib.suppress(FileNotFoundError):  # deleted or renamed since
                    self._s3.upload_file(str(self._folder / name), self._bucket, self._prefix + name)
                    self._copied[name] = state
        for name in self._copied.keys() - files.keys():
            self._s3.delete_object(Bucket=self._bucket, Key=self._prefix + name)
            del self._copied[name]

    def _files(self) -> dict[str, State]:
        found = {}
        for folder, _, names in os.walk(self._folder):
            for file in (Path(folder, name) for name in names):
                with contextlib.suppress(FileNotFoundError):
                    state = file.stat()
                    content = (state.st_ino, state.st_size, state.st_mtime_ns)
                    found[file.relative_to(self._folder).as_posix()] = content
        return found
