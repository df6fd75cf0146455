"""S3, SQS and SNS in memory: the part that the functions use, with AWS's answers.

Times are the world's; every request goes through the world, which may make it fail.
"""

import hashlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tests.simulation.faults import refusal

if TYPE_CHECKING:
    from tests.simulation.world import World

BUCKET = "digits-bucket"
ARN = "arn:aws:sagemaker:us-east-1:123456789012:"


class NoSuchKey(ClientError):  # noqa: N818 (boto3's name)
    """GetObject of a key that doesn't exist."""


class Body:
    """An object's content as botocore gives it."""

    def __init__(self, content: bytes) -> None:
        self.content, self._position = content, 0

    def read(self, size: int | None = None) -> bytes:
        """So many bytes more; all of the rest without a number."""
        begin, self._position = self._position, len(self.content) if size is None else self._position + size
        return self.content[begin : self._position]

    def close(self) -> None:
        """Nothing to close."""

    def iter_chunks(self, _size: int = 0) -> Iterator[bytes]:
        """All of it, in one chunk."""
        yield self.content

    def iter_lines(self) -> Iterator[bytes]:
        """Line by line."""
        yield from self.content.splitlines()


class Simulated:
    """A service whose public methods are requests."""

    def __init__(self, world: "World") -> None:
        self.world = world

    def __getattr__(self, operation: str) -> Any:
        try:
            effect = object.__getattribute__(self, f"do_{operation}")
        except AttributeError as error:
            raise AttributeError(f"the simulation has no {operation}") from error

        def request(*args: Any, **parameters: Any) -> Any:
            body: Any = parameters.get("Body")
            begin = None if body is None or isinstance(body, bytes) else body.tell()

            def send() -> Any:
                if begin is not None:
                    body.seek(begin)  # as botocore does before it sends a request again
                return effect(*args, **parameters)

            return self.world.request(operation, send)

        self.__dict__[operation] = request
        return request

    def get_paginator(self, operation: str) -> Any:
        """Pages of one request each."""
        request = getattr(self, operation)

        def paginate(PaginationConfig: Any = None, **parameters: Any) -> Iterator[Any]:  # noqa: N803
            if PaginationConfig:
                parameters["MaxResults"] = PaginationConfig["PageSize"]
            page = request(**parameters)
            yield page
            for token in ("NextToken", "NextContinuationToken"):
                while token in page:
                    page = request(**parameters, **{token.replace("NextC", "C"): page[token]})
                    yield page

        return SimpleNamespace(paginate=paginate)


class S3(Simulated):
    """One versioned bucket: key → versions, the newest last, each (version, content, time)."""

    exceptions = SimpleNamespace(NoSuchKey=NoSuchKey)

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self.versions: dict[str, list[tuple[str, bytes, Any]]] = {}
        self.metadata: dict[tuple[str, str], dict[str, str]] = {}  # by key and version

    def content(self, key: str) -> bytes | None:
        """The newest version's content."""
        return self.versions[key][-1][1] if key in self.versions else None

    def write(self, key: str, content: bytes, metadata: dict[str, str] | None = None) -> dict[str, str]:
        """Add a version."""
        versions = self.versions.setdefault(key, [])
        version = f"v{len(versions) + 1}-{hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()[:8]}"
        versions.append((version, content, self.world.moment()))
        self.metadata[key, version] = metadata or {}
        self.world.written(key)
        return {"VersionId": version, "ETag": _etag(content)}

    def do_put_object(self, Key: str, Body: bytes | IO[bytes], **given: Any) -> dict[str, str]:  # noqa: N803
        """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html."""
        existing = self.content(Key)
        if given.get("IfNoneMatch") == "*" and existing is not None:
            raise refusal("PutObject", "PreconditionFailed", 412)
        if "IfMatch" in given and (existing is None or _etag(existing) != given["IfMatch"]):
            raise refusal("PutObject", "PreconditionFailed", 412)
        return self.write(Key, Body if isinstance(Body, bytes) else Body.read(), given.get("Metadata"))

    def do_get_object(self, Key: str, VersionId: str | None = None, **given: Any) -> dict[str, Any]:  # noqa: N803
        """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html."""
        for version, content, time in reversed(self.versions.get(Key, [])):
            if VersionId in (None, version):
                if time > given.get("IfUnmodifiedSince", time):
                    raise refusal("GetObject", "PreconditionFailed", 412)
                if "Range" in given:
                    first, _, last = given["Range"].removeprefix("bytes=").partition("-")
                    if int(first) >= len(content):
                        raise refusal("GetObject", "InvalidRange", 416)
                    content = content[int(first) : int(last) + 1]
                return {"Body": Body(content), "ETag": _etag(content), "ContentLength": len(content)}
        answer: Any = {
            "Error": {"Code": "NoSuchKey", "Message": ""},
            "ResponseMetadata": {"HTTPStatusCode": 404},
        }
        raise NoSuchKey(answer, "GetObject")

    def do_head_object(self, Key: str, VersionId: str | None = None, **_: Any) -> dict[str, Any]:  # noqa: N803
        """https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html."""
        for version, content, time in reversed(self.versions.get(Key, [])):
            if VersionId in (None, version):
                return {
                    "LastModified": time,
                    "ContentLength": len(content),
                    "ETag": _etag(content),
                    "Metadata": self.metadata[Key, version],
                }
        raise refusal("HeadObject", "404", 404)

    def do_list_objects_v2(self, Prefix: str, **place: Any) -> dict[str, Any]:  # noqa: N803
        """A page of at most two entries, as tiny batches have several then; an empty one may come before."""
        after = place.get("ContinuationToken") or place.get("StartAfter", "")
        if "ContinuationToken" not in place and self.world.faults.happen("empty page", 0.1):
            return {"IsTruncated": True, "NextContinuationToken": after}
        delimiter = place.get("Delimiter", "")
        entries = sorted(entry for entry in self._entries(Prefix, delimiter) if entry > after)
        folders = [entry for entry in entries[:2] if delimiter and entry.endswith(delimiter)]
        keys = [entry for entry in entries[:2] if entry not in folders]
        page: dict[str, Any] = {"IsTruncated": len(entries) > 2}
        if folders:
            page["CommonPrefixes"] = [{"Prefix": folder} for folder in folders]
        if keys:
            page["Contents"] = [{"Key": key, "LastModified": self.versions[key][-1][2]} for key in keys]
        return page | ({"NextContinuationToken": entries[1]} if len(entries) > 2 else {})

    def _entries(self, prefix: str, delimiter: str) -> set[str]:
        """Keys below a prefix, and instead of those behind a further delimiter what they begin with."""
        keys = {key for key in self.versions if key.startswith(prefix)}
        if not delimiter:
            return keys
        return {
            prefix + begin + mark
            for begin, mark, _ in (key[len(prefix) :].partition(delimiter) for key in keys)
        }

    def do_upload_fileobj(self, file: Any, _bucket: str, key: str) -> None:
        """boto3's transfer."""
        self.write(key, file.read())


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


class SQS(Simulated):
    """The world's queues."""

    def do_send_message(self, QueueUrl: str, MessageBody: str, DelaySeconds: int = 0) -> None:  # noqa: N803
        """Refuses a delay that SQS refuses."""
        if not 0 <= DelaySeconds <= 900:
            raise refusal("SendMessage", "InvalidParameterValue", 400)
        self.world.send(QueueUrl, MessageBody, DelaySeconds)

    def do_change_message_visibility(self, ReceiptHandle: str, VisibilityTimeout: int, **_: Any) -> None:  # noqa: N803
        """Of the message that is being delivered."""
        self.world.messages[ReceiptHandle].back_at = self.world.now + VisibilityTimeout


OUTAGE = 4.5 * 3600  # seconds, the longest that a service answers nothing but errors


class SNS(Simulated):
    """Keeps what was published. In a few worlds it fails for hours, so that no report can be written."""

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self.published: list[str] = []
        self._fails_until = OUTAGE if world.draw.random() < 0.05 else 0.0

    def do_publish(self, Message: str, **_: Any) -> None:  # noqa: N803
        """Keep a message."""
        faults = self.world.faults
        if faults.active and faults.plan is None and faults.rate and self.world.now < self._fails_until:
            faults.counts["outage"] += 1
            raise refusal("Publish", "InternalError", 500)
        self.published.append(Message)
