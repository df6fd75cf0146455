"""run.json, the one decision about a run: written with If-None-Match, never deleted, followed by all."""

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from batch_prediction.aws import objects
from batch_prediction.layout import Run
from batch_prediction.runs.reason_codes import ReasonCode

if TYPE_CHECKING:
    from batch_prediction.aws.types import S3Client

SCHEMA = "digit-batch/run/1"


@dataclass(frozen=True)
class Start:
    """The run gets a transform job; what its model is made of and what it runs on is frozen here."""

    lines: int
    labelled: int
    left_out: int
    model_package: str
    training_job: str | None
    artifact_sha256: str | None
    model: str
    role: str
    environment: dict[str, str]
    transform_job: str
    instance_type: str
    instance_count: int
    price_per_hour: float | None = None  # of one instance, an estimate; None where no price is known
    digests: list[str] | None = None  # of each part's images (parts.digest)
    stack: str = ""  # the stack's Name, for tags; empty in an earlier version's decisions
    kms_key_arn: str = ""  # of what the jobs write; these three as in Settings
    subnet_ids: str = ""
    security_group_ids: str = ""
    slices: list[str] = field(default_factory=list)  # the manifest's fields that divide the batch
    unsliced: dict[str, str] = field(default_factory=dict)  # other fields, each with the reason
    image: str | None = None  # that serves the model, by its tag
    requests: int | None = None  # of the container for images; None: one an image, as they are objects
    image_digest: str | None = None  # that of the image which the tag named when the package was registered
    bad_labels: int = 0  # of `lines`, those whose label isn't used
    manifest: str | None = None  # its key; None in an earlier version's decisions
    read_as: str | None = None  # what the manifest was recognised as, a sentence


@dataclass(frozen=True)
class Refuse:
    """The run gets no transform job, but a report that says why."""

    lines: int
    labelled: int
    left_out: int
    reason: str
    reason_code: ReasonCode = ReasonCode.UNKNOWN
    bad_labels: int = 0  # these three as in Start
    manifest: str | None = None
    read_as: str | None = None


Decision = Start | Refuse


@dataclass(frozen=True)
class GiveUp:
    """The run gets no further transform job, though it was decided to start one."""

    reason: str
    reason_code: ReasonCode = ReasonCode.UNKNOWN


def read(s3: "S3Client", bucket: str, run: Run) -> Decision | None:
    """The decision about a run; None when none has been taken."""
    found = objects.read_json(s3, bucket, run.decision)
    if found is None:
        return None
    objects.check_schema(bucket, run.decision, found.content, SCHEMA, "upload the manifest again")
    if found.content["decision"] == "start":
        return Start(**_known_fields(Start, found.content))
    return Refuse(**_known_fields(Refuse, found.content))


def must_read(s3: "S3Client", bucket: str, run: Run) -> Decision:
    """The decision about a run; LookupError when none has been taken."""
    decision = read(s3, bucket, run)
    if decision is None:
        raise LookupError(f"s3://{bucket}/{run.decision}: expected the run's decision, found nothing")
    return decision


def take(s3: "S3Client", bucket: str, run: Run, decision: Decision) -> Decision:
    """Write the decision unless one exists; returns the one in force, whichever invocation wrote it."""
    head = {"schema": SCHEMA, "decision": type(decision).__name__.lower(), "batch": run.batch, "run": run.id}
    if objects.put_if_absent(s3, bucket, run.decision, objects.to_json(head | asdict(decision))):
        return decision
    return must_read(s3, bucket, run)


def give_up(s3: "S3Client", bucket: str, run: Run, why: GiveUp) -> None:
    """Write why no further transform job of a run is started, unless that has been written already."""
    objects.put_if_absent(s3, bucket, run.gave_up, objects.to_json({"schema": SCHEMA} | asdict(why)))


def given_up(s3: "S3Client", bucket: str, run: Run) -> GiveUp | None:
    """Why no further transform job of a run is started; None when it hasn't been given up."""
    found = objects.read_json(s3, bucket, run.gave_up)
    return None if found is None else GiveUp(**_known_fields(GiveUp, found.content))


def _known_fields(
    kind: type[Start | Refuse | GiveUp],
    content: dict[str, Any],  # JSON that `kind` was written as
) -> dict[str, Any]:  # its keyword arguments
    """The content of a dataclass's fields: a field that an earlier version didn't write gets its default."""
    found = {field.name: content[field.name] for field in fields(kind) if field.name in content}
    if "reason_code" in found:
        found["reason_code"] = ReasonCode.read(found["reason_code"])
    return found
