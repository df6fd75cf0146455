"""A model artifact in S3: its digest, its config.json and its reference.json."""

import hashlib
import json
import math
import tarfile
import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batch_prediction.aws.types import S3Client

_CHUNK = 1024 * 1024  # bytes
_MAX_JSON = 1024 * 1024  # bytes


@dataclass(frozen=True)
class Artifact:
    """`sha256` of model.tar.gz, and its JSON files; empty for a model that has none."""

    sha256: str
    config: dict[str, Any]  # the training program's JSON: its readers check what they take
    reference: dict[str, Any] = field(default_factory=dict)  # as above

    @property
    def metrics(self) -> dict[str, float]:
        """What the training program measured, by the names that it logs; what isn't a number is left out."""
        metrics = self.config.get("metrics")
        given = metrics.items() if isinstance(metrics, dict) else ()
        return {name: value for name, value in given if type(value) in (int, float) and math.isfinite(value)}


def read(s3: "S3Client", uri: str) -> Artifact:
    """Read an artifact, in constant memory. ValueError for an archive or a JSON file that can't be read."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    digest = hashlib.sha256()
    with tempfile.TemporaryFile() as file:
        for chunk in s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
        file.seek(0)
        try:
            with tarfile.open(fileobj=file, mode="r:gz") as archive:
                return Artifact(digest.hexdigest(), **_json_files(archive))
        except (tarfile.TarError, OSError, EOFError, ValueError) as error:
            raise ValueError(
                f"{uri}: expected a model artifact (train.py's model.tar.gz), found: {error}"
            ) from error


def _json_files(archive: tarfile.TarFile) -> dict[str, dict[str, Any]]:  # JSON, as in Artifact
    """The content of config.json and reference.json, by their names without the ending."""
    found: dict[str, dict[str, Any]] = {"config": {}}
    for member in archive:
        name = member.name.removeprefix("./")
        if name in ("config.json", "reference.json") and (content := archive.extractfile(member)):
            if member.size > _MAX_JSON:
                raise ValueError(f"{name} of {member.size} bytes, expected at most {_MAX_JSON}")
            value = json.load(content)
            if not isinstance(value, dict):
                raise ValueError(f"{name}: expected an object, found {type(value).__name__}")
            found[name.removesuffix(".json")] = value
    return found
