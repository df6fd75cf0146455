"""A dropped batch of which a test says what has become of it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from batch_prediction.layout import Run
from batch_prediction.runs.decision import Decision, GiveUp
from cli.prove.batch import forty
from cli.prove.dropped import Dropped
from cli.stack import Stack
from tests.settings_and_events import BUCKET

STACK = Stack(
    "digits",
    {"BucketName": BUCKET, "ModelPackageGroupName": "digits", "NotificationsTopicArn": "arn:aws:sns:x:1:t"},
    {"TransformInstanceType": "ml.m5.large", "TrainingInstanceType": "ml.g4dn.xlarge"},
)
RUN = Run("prove-1", "20261122t154022z-1a2b3c4d")


@dataclass
class Told(Dropped):
    """A batch whose run, jobs and objects are those that were told."""

    stack: Stack = STACK
    batch: str = RUN.batch
    entries: list[Any] = field(default_factory=forty)
    began: datetime = datetime(2026, 11, 22, 15, 40, tzinfo=UTC)
    its_run: Run | None = RUN
    its_decision: Decision | None = None
    why: GiveUp | None = None
    its_jobs: list[dict[str, Any]] = field(default_factory=list)
    its_report: Any = None
    risen: dict[str, float] = field(default_factory=dict)

    def run(self) -> Run | None:
        """As told."""
        return self.its_run

    def decision(self) -> Decision | None:
        """As told."""
        return self.its_decision

    def gave_up(self) -> GiveUp | None:
        """As told."""
        return self.why

    def jobs(self) -> list[Any]:
        """As told."""
        return self.its_jobs

    def report(self) -> Any:
        """As told."""
        return self.its_report

    def by_rule(self, name: str) -> float:
        """As told."""
        return self.risen.get(name, 0.0)
