"""What survives a restart of the local cloud: S3's objects with their versions, and the model packages.

The folder holds `state.json` and, each under its SHA-256, the objects' contents. Stacks, queues, jobs,
functions and logs are not kept: a stack is deployed again, and finds its buckets under their names.
"""

import fcntl
import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from moto.cloudformation import parsing
from moto.s3.models import FakeDeleteMarker, FakeKey, S3Backend, s3_backends
from moto.sagemaker.models import ModelPackage, SageMakerModelBackend, sagemaker_backends

from localcloud.core.cloud import Cloud, CloudError

FORMAT = 1
BUCKET = "AWS::S3::Bucket"


class State:
    """A folder's content while a cloud runs: read when it starts, written when it has stopped.

    Objects come back when their bucket is created again, packages when their group is. Buckets that belong to
    no stack are created again at once.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._contents = folder / "objects"
        self._cloud: Cloud

    def plug_in(self, cloud: Cloud) -> None:
        """Read the folder, and bring back what it holds as soon as there is a place for it."""
        self._cloud = cloud
        self._lock()
        kept = self._read()
        self._names: dict[str, str] = kept["names"]  # stack/logical id → the bucket's name
        self._buckets: dict[str, Any] = kept["buckets"]
        self._packages: list[dict[str, Any]] = kept["packages"]
        self._create_bucket: Any = self._cloud.patch(S3Backend, "create_bucket", self._restoring_bucket())
        self._create_group: Any = self._cloud.patch(
            SageMakerModelBackend, "create_model_package_group", self._restoring_group()
        )
        self._name: Any = self._cloud.patch(parsing, "generate_resource_name", self._name_of)
        backend = s3_backends[self._cloud.account_id]["aws"]
        for name in set(self._buckets) - set(self._names.values()):
            versioning = self._buckets[name]["versioning"]
            backend.create_bucket(name, self._cloud.region).versioning_status = versioning
        cloud.on_stop(self.save)

    def _lock(self) -> None:
        """Keep other clouds out of the folder until this one has stopped."""
        self._contents.mkdir(parents=True, exist_ok=True)
        lock = (self._folder / "lock").open("w")
        self._cloud.on_stop(lock.close)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CloudError(
                f"{self._folder}: another local cloud keeps its state there. End it, or name another folder."
            ) from error

    def save(self) -> None:
        """Write the current state; what hasn't been restored yet stays as it was."""
        buckets = dict(self._buckets)
        for name, bucket in s3_backends[self._cloud.account_id]["aws"].buckets.items():
            versions = [
                self._describe(version) for key in bucket.keys for version in bucket.keys.getlist(key)
            ]
            buckets[name] = {"versioning": bucket.versioning_status, "versions": versions}
        backend = sagemaker_backends[self._cloud.account_id][self._cloud.region]
        packages = self._packages + [vars(package) for package in backend.model_packages.values()]
        state = {"format": FORMAT, "names": self._names, "buckets": buckets, "packages": packages}
        unfinished = self._folder / "state.json.unfinished"
        unfinished.write_text(json.dumps(state, default=_encode, indent=1))
        unfinished.replace(self._folder / "state.json")
        used = {version.get("content") for bucket in buckets.values() for version in bucket["versions"]}
        for content in self._contents.iterdir():
            if content.name not in used:
                content.unlink()

    def _read(self) -> Any:
        file = self._folder / "state.json"
        if not file.exists():
            return {"names": {}, "buckets": {}, "packages": []}
        try:
            kept = json.loads(file.read_text(), object_hook=_decode)
        except ValueError as error:
            raise CloudError(
                f"{file}: expected the state of a local cloud, but it isn't JSON: {error}. Move it away."
            ) from error
        if kept.get("format") != FORMAT:
            raise CloudError(
                f"{file}: expected format {FORMAT}, found {kept.get('format')}. Another version wrote it: "
                "move it away."
            )
        return kept

    def _name_of(self, resource_type: str, stack_name: str, logical_id: str) -> str:
        """The name that a stack's bucket had before, unless a bucket of that name exists."""
        name = str(self._name(resource_type, stack_name, logical_id))
        if resource_type != BUCKET:
            return name
        place = f"{stack_name}/{logical_id}"
        former = self._names.get(place)
        if former is None or former in s3_backends[self._cloud.account_id]["aws"].buckets:
            self._names[place] = name
        return self._names[place]

    def _restoring_bucket(self) -> Any:
        def create_bucket(backend: Any, bucket_name: str, *args: Any, **options: Any) -> Any:
            bucket = self._create_bucket(backend, bucket_name, *args, **options)
            for version in self._buckets.pop(bucket_name, {"versions": []})["versions"]:
                bucket.keys.setlist(
                    version["key"],
                    [*bucket.keys.getlist(version["key"], []), self._make(bucket_name, version)],
                )
            return bucket

        return create_bucket

    def _restoring_group(self) -> Any:
        def create_model_package_group(backend: Any, model_package_group_name: str, **values: Any) -> Any:
            made = self._create_group(backend, model_package_group_name=model_package_group_name, **values)
            for kept in list(self._packages):
                if kept["model_package_group_name"] == model_package_group_name:
                    package: Any = ModelPackage.__new__(ModelPackage)
                    vars(package).update(kept)
                    backend.model_packages[package.arn] = package
                    for name in (package.model_package_name, package.arn):
                        backend.model_package_name_mapping[name] = package.arn
                    self._packages.remove(kept)
            return made

        return create_model_package_group

    def _describe(self, version: Any) -> dict[str, Any]:
        """A version or delete marker; its content is written to a file, unless that exists."""
        described = {"key": version.name, "id": version.version_id, "modified": version.last_modified}
        if isinstance(version, FakeDeleteMarker):
            return {**described, "deleted": True}
        content = version.value
        digest = hashlib.sha256(content).hexdigest()
        if not (self._contents / digest).exists():
            (self._contents / digest).write_bytes(content)
        return {
            **described,
            "content": digest,
            "etag": version.etag.strip('"'),
            "metadata": dict(version.metadata),
            "storage": version.storage_class,
            "encryption": version.encryption,
            "versioned": version._is_versioned,
        }

    def _make(self, bucket_name: str, version: dict[str, Any]) -> Any:
        if version.get("deleted"):
            marker = FakeDeleteMarker(self._key(bucket_name, version, b""))
            marker._version_id, marker.last_modified = version["id"], version["modified"]
            return marker
        return self._key(bucket_name, version, (self._contents / version["content"]).read_bytes())

    def _key(self, bucket_name: str, version: dict[str, Any], content: bytes) -> Any:
        key = FakeKey(
            name=version["key"],
            value=content,
            account_id=self._cloud.account_id,
            region_name=self._cloud.region,
            storage=version.get("storage"),
            etag=version.get("etag"),
            is_versioned=version.get("versioned", True),
            version_id=version["id"],
            bucket_name=bucket_name,
            encryption=version.get("encryption"),
        )
        key.last_modified = version["modified"]
        for name, value in version.get("metadata", {}).items():
            key.metadata[name] = value
        return key


def _encode(value: Any) -> dict[str, str]:
    if isinstance(value, datetime):
        return {"$time": value.isoformat()}
    raise TypeError(f"the local cloud can't keep a {type(value).__name__}: {value!r}")


def _decode(value: dict[str, Any]) -> Any:
    return datetime.fromisoformat(value["$time"]) if set(value) == {"$time"} else value
