"""A model artifact in S3: its digest, and its config.json."""

import hashlib
import json
import math
import tarfile
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batch_prediction.aws.types import S3Client

_CHUNK = 1024 * 1024  # bytes
_MAX_CONFIG = 1024 * 1024  # bytes


@dataclass(frozen=True)
class Artifact:
    """`sha256` of model.tar.gz, and its config.json; empty for a model that has none."""

    sha256: str
    config: dict[str, Any]  # the training program's JSON: its readers check what they take

    @property
    def metrics(self) -> dict[str, float]:
        """What the training program measured, by the names that it logs; what isn't a number is left out."""
        metrics = self.config.get("metrics")
        given = metrics.items() if isinstance(metrics, dict) else ()
        return {name: value for name, value in given if type(value) in (int, float) and math.isfinite(value)}


def read(s3: "S3Client", uri: str) -> Artifact:
    """Read an artifact, in constant memory. ValueError for an archive or a config.json that can't be read."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    digest = hashlib.sha256()
    with tempfile.TemporaryFile() as file:
        for chunk in s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
        file.seek(0)
        try:
            with tarfile.open(fileobj=file, mode="r:gz") as archive:
                return Artifact(digest.hexdigest(), _config(archive))
        except (tarfile.TarError, OSError, EOFError, ValueError) as error:
            raise ValueError(
                f"{uri}: expected a model artifact (train.py's model.tar.gz), found: {error}"
            ) from error


def _config(archive: tarfile.TarFile) -> dict[str, Any]:  # JSON, as in Artifact
    for member in archive:
        if member.name.removeprefix("./") == "config.json" and (content := archive.extractfile(member)):
            if member.size > _MAX_CONFIG:
                raise ValueError(f"config.json of {member.size} bytes, expected at most {_MAX_CONFIG}")
            config = json.load(content)
            if not isinstance(config, dict):
                raise ValueError(f"config.json: expected an object, found {type(config).__name__}")
            return config
    return {}
