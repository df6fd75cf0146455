"""Write a transform job's input: a pure function of the uploaded version, streamed, in parts."""

import tempfile
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, NamedTuple

import orjson

from batch_prediction.archives.ranges import ArchiveError
from batch_prediction.layout import Run
from batch_prediction.manifests.records import LeftOut, ManifestError
from batch_prediction.runs.parts import digest, part_size
from batch_prediction.runs.reason_codes import ReasonCode
from batch_prediction.start.sources import Line, open_source

if TYPE_CHECKING:
    from batch_prediction.aws.types import S3Client

_IN_MEMORY = 8 * 1024 * 1024  # bytes of left_out.jsonl kept in memory, the rest on disk


class Problem(NamedTuple):
    """Why an upload as a whole can't be used."""

    reason: str
    code: ReasonCode


@dataclass(frozen=True)
class TransformInput:
    """What an upload holds: `lines` to score, `labelled` of them with a label, `left_out` refused.

    Of the lines to score, `bad_labels` have a label that isn't used. `how` says what the upload was read
    as. `digests` are those of each part's images, in their order; `slices` are the fields that divide the
    batch; `problem` says why the upload as a whole can't be used; `requests` are those of the container for
    images, None for one an image.
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
    requests: int | None = None


def write(s3: "S3Client", bucket: str, run: Run, key: str, version: str, max_images: int) -> TransformInput:
    """Check an uploaded version, and write input/part-*.jsonl and left_out.jsonl. Safe to repeat.

    Nothing is written beyond `max_images` lines; the lines are counted all the same.
    """
    source = open_source(s3, bucket, key, version, max_images)
    parts = _Parts(s3, bucket, run)
    lines = labelled = left_out = bad_labels = 0
    unusable: Problem | None = None
    first: LeftOut | None = None
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as refused:
        try:
            for item in source.items():
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
                    if writing:
                        parts.add(item)
        except ManifestError as error:
            unusable = Problem(str(error), ReasonCode.MANIFEST_UNREADABLE)
        except ArchiveError as error:
            unusable = Problem(f"{key}: {error}", ReasonCode.ARCHIVE_UNREADABLE)
        parts.flush()
        if left_out or bad_labels:
            refused.seek(0)
            s3.upload_fileobj(refused, bucket, run.left_out)
    unusable = problem(key, lines, left_out, max_images, unusable, first)
    return TransformInput(
        lines=lines,
        labelled=labelled,
        left_out=left_out,
        digests=parts.digests,
        slices=list(source.slices.values),
        unsliced=source.slices.left_out,
        problem=unusable,
        bad_labels=bad_labels,
        how=source.how,
        requests=source.requests,
    )


def _line(item: LeftOut) -> bytes:
    """An item of left_out.jsonl; one without `kind` is a line."""
    content = asdict(item)
    if item.kind == "line":
        del content["kind"]
    return orjson.dumps(content) + b"\n"


def problem(
    key: str,
    lines: int,
    left_out: int,
    max_images: int,
    unusable: Problem | None = None,
    first: LeftOut | None = None,
) -> Problem | None:
    """Why an upload of so many lines can't be used as a whole; None if it can."""
    if (found := lines + left_out) > max_images:
        return Problem(
            f"expected at most {max_images} images (the stack's parameter MaxImages), found {found}: "
            "raise it, or divide the batch",
            ReasonCode.TOO_MANY_IMAGES,
        )
    if unusable:
        return unusable
    if not lines:
        why = ""
        if first:  # a member of an archive has no line
            place = first.text if first.line is None else f"line {first.line}"
            why = f"; the first, {place}: {first.reason}"
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

    def add(self, line: Line) -> None:
        record: dict[str, object] = {"image": line.reference}
        if line.label is not None:
            record["label"] = line.label
        if line.fields:
            record["fields"] = line.fields
        self._lines.append(orjson.dumps(record))
        self._images.append(line.address)
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
