"""A dropped batch: its upload, what has become of it, and its removal."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from batch_prediction.aws import objects
from batch_prediction.aws.sagemaker import describe_or_none
from batch_prediction.layout import INCOMING, RUNS, Run
from batch_prediction.report import outputs
from batch_prediction.report.content import Report
from batch_prediction.runs import decision, transform_job
from batch_prediction.runs.decision import Decision, GiveUp, Start
from cli.prove import account
from cli.prove.batch import MANIFEST, REFUSED, REFUSED_MANIFEST, Entry, manifest
from cli.stack import Stack, client

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
MATCHED, FAILED = RULE_METRICS = ("MatchedEvents", "FailedInvocations")
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass
class Dropped:
    """A batch in a stack's bucket. `began` is when AWS took its first object, by AWS's clock."""

    stack: Stack
    batch: str
    entries: list[Entry] = field(default_factory=list)
    began: datetime = NEVER
    counted: dict[str, float] = field(default_factory=dict)  # UploadRule's metrics before the manifest
    images: dict[str, str] = field(default_factory=dict)  # the uploaded images' versions, by their keys

    def drop(self) -> None:
        """Upload the images, then the manifest."""
        for entry in self.entries:
            if entry.body is not None:
                self._put(entry.name, entry.body, entry.storage)
        self.counted = {name: self._rule_metric(name) for name in RULE_METRICS}
        self._put(MANIFEST, manifest(self.entries))

    def by_rule(self, name: str) -> float:
        """How far a metric of UploadRule has risen since the manifest's upload."""
        return self._rule_metric(name) - self.counted[name]

    def _rule_metric(self, name: str) -> float:
        return account.rule_metric(self.stack, "UploadRule", name, self.began)

    def drop_refused(self) -> None:
        """Upload a manifest that can't be read, as a batch of its own."""
        self._put(REFUSED_MANIFEST, REFUSED)

    def _put(self, name: str, body: bytes, storage: str = "STANDARD") -> None:
        place = {"Bucket": self.stack.bucket, "Key": f"{INCOMING}{self.batch}/{name}"}
        answer = client("s3").put_object(**place, Body=body, StorageClass=storage)
        if self.began == NEVER:
            self.began = client("s3").head_object(**place)["LastModified"]
        if name not in (MANIFEST, REFUSED_MANIFEST):
            self.images[place["Key"]] = answer["VersionId"]

    def remove(self) -> int:
        """Remove the images, version by version; returns how many there were."""
        removed = len(self.images)
        while self.images:
            key, version = next(iter(self.images.items()))
            client("s3").delete_object(Bucket=self.stack.bucket, Key=key, VersionId=version)
            del self.images[key]
        return removed

    def run(self) -> Run | None:
        """The batch's run, once anything has been written about it."""
        prefix = f"{RUNS}{self.batch}/"
        listed = client("s3").list_objects_v2(Bucket=self.stack.bucket, Prefix=prefix, MaxKeys=1)
        for entry in listed.get("Contents", []):
            return Run(self.batch, entry["Key"].removeprefix(prefix).partition("/")[0])
        return None

    def decision(self) -> Decision | None:
        """The decision about its run; None while there is none."""
        run = self.run()
        return decision.read(client("s3"), self.stack.bucket, run) if run else None

    def gave_up(self) -> GiveUp | None:
        """Why the run gets no (further) transform job; None as long as it may."""
        run = self.run()
        return decision.given_up(client("s3"), self.stack.bucket, run) if run else None

    def jobs(self) -> list[Any]:
        """Its transform jobs as SageMaker describes them, oldest first."""
        run, decided = self.run(), self.decision()
        if run is None or not isinstance(decided, Start):
            return []
        sagemaker = client("sagemaker")
        return list(transform_job.describe_attempts(sagemaker, self.stack.bucket, run, decided))

    def model_exists(self, name: str) -> bool:
        """Whether the SageMaker model of the run exists."""
        found = describe_or_none(lambda: client("sagemaker").describe_model(ModelName=name))
        return found is not None

    def artifact_exists(self, address: str) -> bool:
        """Whether a model's artifact can be read."""
        bucket, _, key = address.removeprefix("s3://").partition("/")
        return objects.exists(client("s3"), bucket, key)

    def outputs(self) -> dict[str, bytes]:
        """What the newest transform job has written, by the names below its attempt's prefix."""
        run, jobs = self.run(), self.jobs()
        if run is None or not jobs:
            return {}
        s3, prefix = client("s3"), run.output_prefix(len(jobs))
        return {
            key.removeprefix(prefix): objects.read_bytes(s3, self.stack.bucket, key) or b""
            for keys in outputs.find(s3, self.stack.bucket, prefix).values()
            for key in keys
        }

    def report(self) -> Report | None:
        """Its report; None while there is none."""
        run = self.run()
        found = objects.read_json(client("s3"), self.stack.bucket, run.report) if run else None
        return cast("Report", found.content) if found else None


def batch_name() -> str:
    """A name that no other proof has: the time, to the second."""
    return f"prove-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
