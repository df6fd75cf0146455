"""Whose turn it is: a free slot goes to whoever asks next, so a run that came late lets those before it ask.

Of the runs that wait for the same, so many instances of a type, the one that has waited longest stands in
the bucket. Another asks SageMaker for its transform job when it has waited nearly as long. What stands there
orders runs and decides nothing else: it may be out of date, overwritten or gone.
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from batch_prediction import layout
from batch_prediction.aws import objects
from batch_prediction.layout import Run
from batch_prediction.runs.decision import Start
from batch_prediction.start.waiting import WaitTimes

if TYPE_CHECKING:
    from batch_prediction.aws.types import S3Client

_FRESH = 900  # seconds for which it stands; the run asks again within 300, unless it has its job or is lost
_TOGETHER = 300  # seconds: so many have their turn at once that a free slot is found soon
_SHARE = 0.2  # of the longest wait: likewise, when it is hours


@dataclass(frozen=True)
class First:
    """The run that has waited longest, and when it was refused last, in seconds since 1970."""

    run: str  # its prefix
    since: float
    refused: float


@dataclass(frozen=True)
class Line:
    """The runs that wait for so many instances of a type, of which the first is known, if there is one."""

    bucket: str
    key: str
    first: First | None

    def behind(self, waited: WaitTimes) -> float:
        """Seconds by which a run came too late to have its turn; 0 when it may ask for its job."""
        if self.first is None:
            return 0.0
        together = max(_TOGETHER, _SHARE * (waited.at - self.first.since))
        return max(0.0, waited.at - waited.capacity - self.first.since - together)

    def stay(self, s3: "S3Client", run: Run, waited: WaitTimes) -> None:
        """A run was refused and waits on: it stands in the bucket if nobody has waited longer."""
        own = First(run.prefix, waited.at - waited.capacity, waited.at)
        if self.first is None or self.first.run == own.run or own.since < self.first.since:
            objects.put_json(s3, self.bucket, self.key, asdict(own))

    def leave(self, s3: "S3Client", run: Run) -> None:
        """A run waits no more: where it was the first, nobody is until the next one is refused."""
        if self.first is not None and self.first.run == run.prefix:
            objects.put_json(s3, self.bucket, self.key, None)


def line(s3: "S3Client", bucket: str, decided: Start, now: float) -> Line:
    """The line of those who wait for the same as a decided run."""
    key = layout.longest_wait(decided.instance_type, decided.instance_count)
    stored = objects.read_json(s3, bucket, key)
    found = stored and stored.content
    if not found or now - found["refused"] > _FRESH:
        return Line(bucket, key, None)
    return Line(bucket, key, First(found["run"], found["since"], found["refused"]))
