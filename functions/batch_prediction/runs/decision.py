"""run.json, the one decision about a run: written with If-None-Match, never deleted; all follow it."""

import time
from dataclasses import asdict, dataclass, fields
from typing import Any

import orjson
from botocore.exceptions import ClientError

from batch_prediction.layout import Run

SCHEMA = "digit-batch/run/1"
_PAUSES = (0.1, 0.2, 0.4, 0.8)  # seconds, while another conditional write is under way


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
    digests: list[str] | None = None  # of each part's images (batch_input.digest)


@dataclass(frozen=True)
class Refuse:
    """The run gets no transform job, but a report that says why."""

    lines: int
    labelled: int
    left_out: int
    reason: str


Decision = Start | Refuse


def read(s3: Any, bucket: str, run: Run) -> Decision | None:
    """The decision about a run; None when none has been taken."""
    try:
        body = s3.get_object(Bucket=bucket, Key=run.decision)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    found = orjson.loads(body)
    if found["schema"] != SCHEMA:
        raise ValueError(
            f"s3://{bucket}/{run.decision}: expected the schema {SCHEMA}, found {found['schema']!r}: "
            "another version of this stack wrote it; upload the manifest again"
        )
    kind: type[Decision] = Start if found["decision"] == "start" else Refuse
    return kind(**{field.name: found[field.name] for field in fields(kind) if field.name in found})


def take(s3: Any, bucket: str, run: Run, decision: Decision) -> Decision:
    """Write the decision unless there is one; the one that stands is returned, whoever took it."""
    head = {"schema": SCHEMA, "decision": type(decision).__name__.lower(), "batch": run.batch, "run": run.id}
    if _write_once(s3, bucket, run.decision, head | asdict(decision)):
        return decision
    standing = read(s3, bucket, run)
    if standing is None:
        raise RuntimeError(f"s3://{bucket}/{run.decision}: expected the decision that stands, found nothing")
    return standing


def give_up(s3: Any, bucket: str, run: Run, reason: str) -> None:
    """Write why no further transform job of a run is started, unless that stands there already."""
    _write_once(s3, bucket, run.gave_up, {"schema": SCHEMA, "reason": reason})


def given_up(s3: Any, bucket: str, run: Run) -> str | None:
    """Why no further transform job of a run is started; None when that hasn't been given up."""
    try:
        body = s3.get_object(Bucket=bucket, Key=run.gave_up)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    return str(orjson.loads(body)["reason"])


def _write_once(s3: Any, bucket: str, key: str, content: dict[str, Any]) -> bool:
    """Write an object unless there is one; whether it was written.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html: 412 means that the key
    exists, 409 that another conditional write is under way and this one has to be repeated.
    """
    body = orjson.dumps(content, option=orjson.OPT_INDENT_2)
    for pause in (*_PAUSES, None):
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*", ContentType="application/json")
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status == 412:
                return False
            if status != 409 or pause is None:
                raise
            time.sleep(pause)
        else:
            return True
    raise AssertionError("the last round returns or raises")
