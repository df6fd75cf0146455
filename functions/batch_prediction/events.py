"""The events that the functions are woken by, each parsed once. Samples: tests/events/."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from batch_prediction.layout import Run

Event = dict[str, Any]  # JSON of AWS's documented shape: each class below reads what it needs

# What the member `waiting` of our messages says, each in seconds since 1970: since when the message waits for
# images and for capacity, and when we sent it.
IMAGES, CAPACITY, SENT = "images", "capacity", "sent"
# A wait for images also says which one was missing first, and when all are looked for again.
MISSING, LOOK = "missing", "look"
JOB = "job"  # what a run waits for that waited for the others before


@dataclass(frozen=True)
class Message:
    """The one message of a poller's event: template.yaml sets BatchSize to 1.

    Shape: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event
    """

    body: str
    receipt: str  # its handle, for this delivery
    deliveries: int  # this one included
    received: float  # seconds since 1970, at its first delivery
    sent: float = 0.0  # seconds since 1970, when it was put into the queue: by its sender, or by a redrive

    @classmethod
    def of(cls, event: Event) -> "Message":
        """Read the message and what SQS says about it."""
        (record,) = event["Records"]
        attributes = record["attributes"]
        return cls(
            body=record["body"],
            receipt=record["receiptHandle"],
            deliveries=int(attributes["ApproximateReceiveCount"]),
            received=int(attributes["ApproximateFirstReceiveTimestamp"]) / 1000,
            sent=int(attributes["SentTimestamp"]) / 1000,
        )

    @cached_property
    def content(self) -> Event:
        """Its body, parsed on access: one that isn't JSON is an error like any other."""
        found: Event = json.loads(self.body)
        return found


@dataclass(frozen=True)
class ManifestUploaded:
    """`Object Created` of aws.s3: a version of an object below incoming/ has been written.

    Shape: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html (keys are not URL-encoded).
    """

    bucket: str
    key: str
    version: str

    @classmethod
    def from_message(cls, message: Message) -> "ManifestUploaded":
        """Read the event; ValueError when the object has no version."""
        detail = message.content["detail"]
        bucket, upload = detail["bucket"]["name"], detail["object"]
        if "version-id" not in upload:
            raise ValueError(
                f"s3://{bucket}/{upload['key']}: expected a version-id, found none. "
                "A run is pinned to a manifest version: switch versioning on for the bucket"
            )
        return cls(bucket, upload["key"], upload["version-id"])


@dataclass(frozen=True)
class AttemptRequested:
    """`Digit Batch Try Wanted`, which write_report sends: a decided run needs its next transform job."""

    run: Run

    REQUESTED = "Digit Batch Try Wanted"

    @classmethod
    def message(cls, run: Run) -> Event:
        """Our own message about a run."""
        return {"detail-type": cls.REQUESTED, "detail": {"batch": run.batch, "run": run.id}}

    @classmethod
    def message_of_waiting(cls, run: Run, since: float, sent: float) -> Event:
        """The same about a run that has waited for capacity since a time; both in seconds since 1970."""
        return cls.message(run) | {"waiting": {CAPACITY: since, SENT: sent}}


def start_request(message: Message) -> ManifestUploaded | AttemptRequested:
    """What start_transform is asked to start."""
    if message.content["detail-type"] == AttemptRequested.REQUESTED:
        detail = message.content["detail"]
        return AttemptRequested(Run(detail["batch"], detail["run"]))
    return ManifestUploaded.from_message(message)


@dataclass(frozen=True)
class RunEnded:
    """A run needs its report: a hint, never the truth about how it ended.

    Either `SageMaker Transform Job State Change` of aws.sagemaker
    (https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html),
    or `Digit Batch Run Ended`: start_transform sends it for a run that gets no job (any more), the sweep
    for a job whose event may have been lost.
    """

    run: Run

    ENDED = "Digit Batch Run Ended"

    @classmethod
    def from_message(cls, message: Message, bucket: str) -> "RunEnded":
        """Read the run; ValueError for a job that isn't this stack's."""
        detail = message.content["detail"]
        if message.content["detail-type"] == cls.ENDED:
            return cls(Run(detail["batch"], detail["run"]))
        return cls(Run.of_output(detail["TransformOutput"]["S3OutputPath"], bucket))

    @classmethod
    def message(cls, run: Run) -> Event:
        """Our own message about a run."""
        return {"detail-type": cls.ENDED, "detail": {"batch": run.batch, "run": run.id}}


@dataclass(frozen=True)
class RunWaits:
    """`Digit Batch Run Waits`, which start_transform sends: a run can't be started yet, and people see it.

    `since`, `until` and `at`, when it was so, are seconds since 1970; `missing` of `expected` images weren't
    there, where it waits for images, `example` is one of them.
    """

    run: Run
    cause: str  # IMAGES, CAPACITY or JOB
    reason: str
    since: float
    until: float
    at: float
    missing: int = 0
    expected: int = 0
    example: str | None = None
    at_least: bool = False  # more may be missing

    WAITS = "Digit Batch Run Waits"

    def message(self) -> Event:
        """Our own message about a run."""
        detail = asdict(self)
        detail |= {"batch": self.run.batch, "run": self.run.id}
        return {"detail-type": self.WAITS, "detail": detail}

    @classmethod
    def from_message(cls, message: Message) -> "RunWaits":
        """Read what start_transform has sent."""
        detail = dict(message.content["detail"])
        return cls(Run(detail.pop("batch"), detail.pop("run")), **detail)


def report_request(message: Message, bucket: str) -> "RunEnded | RunWaits":
    """What write_report is asked to show."""
    if message.content["detail-type"] == RunWaits.WAITS:
        return RunWaits.from_message(message)
    return RunEnded.from_message(message, bucket)


@dataclass(frozen=True)
class TrainingEnded:
    """`SageMaker Training Job State Change` of aws.sagemaker: a training job below models/ has ended."""

    job: str

    @classmethod
    def from_event(cls, event: Event) -> "TrainingEnded":
        """Read the name of the job; SageMaker is asked how it ended."""
        return cls(event["detail"]["TrainingJobName"])


@dataclass(frozen=True)
class TuningEnded:
    """`SageMaker HyperParameter Tuning Job State Change` of aws.sagemaker: a tuning job has ended."""

    job: str

    @classmethod
    def from_event(cls, event: Event) -> "TuningEnded":
        """Read the name of the tuning job; SageMaker is asked how it ended."""
        return cls(event["detail"]["HyperParameterTuningJobName"])


@dataclass(frozen=True)
class SweepDue:
    """A sweep of what was due at `time`: all of it, or what comes after the place `after`.

    Either `Scheduled Event` of aws.events (https://docs.aws.amazon.com/eventbridge/latest/ref/events.html),
    or `Digit Batch Sweep Continued`, by which a sweep goes on whose time was nearly over; `failed` is how
    many of its lists and looks had failed until then.
    """

    time: datetime
    after: str = ""
    failed: int = 0

    CONTINUED = "Digit Batch Sweep Continued"

    @classmethod
    def from_event(cls, event: Event) -> "SweepDue":
        """Read the time, and where to go on."""
        detail = event["detail"]
        time = datetime.fromisoformat(event["time"])
        return cls(time, detail.get("after", ""), detail.get("failed", 0))

    def message(self) -> Event:
        """Our own event about the rest of a sweep."""
        detail = {"after": self.after, "failed": self.failed}
        return {"detail-type": self.CONTINUED, "time": self.time.isoformat(), "detail": detail}
