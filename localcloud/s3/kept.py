"""S3's objects with all their versions, as they are kept from one cloud to the next."""

from typing import Any
from weakref import WeakKeyDictionary

from moto.s3.models import FakeDeleteMarker, FakeKey, S3Backend, s3_backends

from localcloud.cloudformation.kept import is_of_a_stack
from localcloud.core.cloud import Cloud
from localcloud.core.keeping import Contents, Part


class Objects(Part):
    """Objects come back when their bucket is created again; a bucket that belongs to no stack, at once."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._backend: Any = s3_backends[cloud.account_id]["aws"]
        self._waiting: dict[str, Any] = {}  # what hasn't been brought back, by its bucket
        self._described: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()
        self._contents: Contents
        self._create: Any = cloud.patch(S3Backend, "create_bucket", self._creating())

    def save(self, contents: Contents) -> dict[str, Any]:
        """Every bucket with its versions and delete markers."""
        buckets = dict(self._waiting)
        for bucket in self._waiting.values():
            for version in bucket["versions"]:
                if "content" in version:
                    contents.use(version["content"])
        for name, bucket in self._backend.buckets.items():
            versions = [
                self._describe(version, contents)
                for key in bucket.keys
                for version in bucket.keys.getlist(key)
            ]
            owned = is_of_a_stack(self._cloud, bucket)
            buckets[name] = {"versioning": bucket.versioning_status, "versions": versions, "owned": owned}
        return buckets

    def restore(self, kept: Any, contents: Contents) -> None:
        """Bring back the buckets of no stack; the others' objects wait for their bucket."""
        self._waiting, self._contents = kept, contents
        for name, bucket in list(kept.items()):
            if not bucket["owned"]:
                self._backend.create_bucket(name, self._cloud.region).versioning_status = bucket["versioning"]

    def _creating(self) -> Any:
        def create_bucket(backend: Any, bucket_name: str, *args: Any, **options: Any) -> Any:
            bucket = self._create(backend, bucket_name, *args, **options)
            for version in self._waiting.pop(bucket_name, {"versions": []})["versions"]:
                bucket.keys.setlist(
                    version["key"],
                    [*bucket.keys.getlist(version["key"], []), self._make(bucket_name, version)],
                )
            return bucket

        return create_bucket

    def _describe(self, version: Any, contents: Contents) -> dict[str, Any]:
        """A version or delete marker; what has been described once isn't read again: no version changes."""
        known = self._described.get(version)
        if known is None:
            known = self._described[version] = self._read(version, contents)
        elif "content" in known:
            contents.use(known["content"])
        return known

    @staticmethod
    def _read(version: Any, contents: Contents) -> dict[str, Any]:
        described = {"key": version.name, "id": version.version_id, "modified": version.last_modified}
        if isinstance(version, FakeDeleteMarker):
            return {**described, "deleted": True}
        return {
            **described,
            "content": contents.put(version.value),
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
        return self._key(bucket_name, version, self._contents.get(version["content"]))

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
