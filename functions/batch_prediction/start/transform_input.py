"""Write a transform job's input: a pure function of the manifest version, streamed, in parts."""

import tempfile
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, NamedTuple

import orjson

from batch_prediction.layout import Manifest, Run
from batch_prediction.manifests.folder import BatchFolder
from batch_prediction.manifests.reading import read
from batch_prediction.manifests.records import LeftOut, ManifestError
from batch_prediction.runs.parts import digest, part_size
from batch_prediction.runs.reason_codes import ReasonCode
from batch_prediction.start.slice_fields import SliceFields

if TYPE_CHECKING:
    from batch_prediction.aws.types import S3Client

_CHUNK = 1024 * 1024  # bytes read from S3 at once
_IN_MEMORY = 8 * 1024 * 1024  # bytes of left_out.jsonl kept in memory, the rest on disk


class Problem(NamedTuple):
    """Why a manifest as a whole can't be used."""

    reason: str
    code: ReasonCode


@dataclass(frozen=True)
class TransformInput:
    """A manifest's lines: `lines` to score, `labelled` of them with a label, `left_out` refused.

    Of the lines to score, `bad_labels` have a label that isn't used. `how` says what the manifest was read
    as. `digests` are those of each part's images, in their order; `slices` are the fields that divide the
    batch; `problem` says why the manifest as a whole can't be used.
    """

    lines: int
    labelled: int
    left_out: int
    digests: list[str]
    slices: list[str]
    unsliced: dict[str, str]  # other fields, each with the reason
    problem: Problem | None = None
    bad_labels: int = 0
    how: str | None = None  # None where nothing was recognised


def write(s3: "S3Client", bucket: str, run: Run, key: str, version: str, max_images: int) -> TransformInput:
    """Check a manifest version, and write input/part-*.jsonl and left_out.jsonl. Safe to repeat.

    Nothing is written beyond `max_images` lines; the lines are counted all the same.
    """
    manifest = Manifest.at(key)
    body = s3.get_object(Bucket=bucket, Key=key, VersionId=version)["Body"]
    parts = _Parts(s3, bucket, run)
    slices = SliceFields()
    lines = labelled = left_out = bad_labels = 0
    reading = unreadable = first = None
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as refused:
        try:
            reading = read(body.iter_chunks(_CHUNK), BatchFolder(bucket, manifest.folder), manifest.name)
            for item in reading:
                writing = lines + left_out < max_images
                if isinstance(item, LeftOut):
                    left_out += 1
                    first = first or item
                    if writing:
                        refused.write(_line(item))
                else:
                    lines += 1
                    labelled += item.label is not None
                    if item.bad_label is not None:
                        bad_labels += 1
                        if writing:
                            refused.write(_line(item.bad_label))
                    fields = slices.take(item.others) if item.others else {}
                    if writing:
                        parts.add(item.image, item.label, fields)
        except ManifestError as error:
            unreadable = str(error)
        parts.flush()
        if left_out or bad_labels:
            refused.seek(0)
            s3.upload_fileobj(refused, bucket, run.left_out)
    problem = _problem(key, lines, left_out, max_images, unreadable, first)
    return TransformInput(
        lines=lines,
        labelled=labelled,
        left_out=left_out,
        digests=parts.digests,
        slices=list(slices.values),
        unsliced=slices.left_out,
        problem=problem,
        bad_labels=bad_labels,
        how=reading.how if reading else None,
    )


def _line(item: LeftOut) -> bytes:
    """An item of left_out.jsonl; one without `kind` is a line."""
    content = asdict(item)
    if item.kind == "line":
        del content["kind"]
    return orjson.dumps(content) + b"\n"


def _problem(
    key: str, lines: int, left_out: int, max_images: int, unreadable: str | None, first: LeftOut | None
) -> Problem | None:
    if (found := lines + left_out) > max_images:
        return Problem(
            f"expected at most {max_images} images (the stack's parameter MaxImages), found {found}: "
            "raise it, or divide the batch",
            ReasonCode.TOO_MANY_IMAGES,
        )
    if unreadable:
        return Problem(unreadable, ReasonCode.MANIFEST_UNREADABLE)
    if not lines:
        why = f"; the first, line {first.line}: {first.reason}" if first else ""
        return Problem(
            f"{key} has no line that can be used; left out: {left_out}{why}", ReasonCode.NO_USABLE_LINES
        )
    return None


class _Parts:
    """The part that is being filled."""

    def __init__(self, s3: "S3Client", bucket: str, run: Run) -> None:
        self._s3, self._bucket, self._run = s3, bucket, run
        self._part, self._size, self._lines, self._images = 0, part_size(0), list[bytes](), list[str]()
        self.digests: list[str] = []

    def add(self, image: str, label: int | None, fields: dict[str, str]) -> None:
        record: dict[str, object] = {"image": {"source-ref": image}}
        if label is not None:
            record["label"] = label
        if fields:
            record["fields"] = fields
        self._lines.append(orjson.dumps(record))
        self._images.append(image)
        if len(self._lines) == self._size:
            self.flush()

    def flush(self) -> None:
        if not self._lines:
            return
        body = b"\n".join(self._lines) + b"\n"
        self._s3.put_object(Bucket=self._bucket, Key=self._run.input_part(self._part), Body=body)
        self.digests.append(digest(self._images))
        self._part += 1
        self._size, self._lines, self._images = part_size(self._part), [], []
