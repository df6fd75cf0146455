"""Whose turn it is: a free slot goes to whoever asks next, so a run that came late lets those before it ask.

Of the runs that wait for the same, so many instances of a type, those that have waited longest stand in a
line in the bucket. They ask SageMaker for their transform jobs often; a run that has waited much less, or
finds the line full of those before it, stands back. The line orders runs and decides nothing else: it may be
out of date, and when two write it at once, one of them has no place until it asks again.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch_prediction import layout
from batch_prediction.aws import objects
from batch_prediction.layout import Run
from batch_prediction.runs.decision import Start
from batch_prediction.start.waiting import WaitTimes

if TYPE_CHECKING:
    from batch_prediction.aws.types import S3Client

_PLACES = 30  # each asks once a minute: a free slot is found within seconds, and SageMaker isn't overrun
_TOGETHER = 300  # seconds by which those in line may differ, so that a free slot is found soon …
_SHARE = 0.2  # … or this share of the longest wait
_KNOWN = 600  # seconds after which a run that hasn't asked again has its job, or is lost
_NOTED = 200  # seconds after which it is noted that a run has asked again


@dataclass(frozen=True)
class Place:
    """A run that waits, since when, and when it was refused (noted now and then), in seconds since 1970."""

    run: str  # its prefix
    since: float
    refused: float


@dataclass(frozen=True)
class Line:
    """The runs that wait for so many instances of a type, those that have waited longest first."""

    bucket: str
    key: str
    places: list[Place]

    def is_turn_of(self, run: Run, waited: WaitTimes) -> bool:
        """Whether a run may ask for its job."""
        others = [place.since for place in self._others(run)]
        if not others:
            return True
        since = _since(waited)
        if len(others) >= _PLACES and since > others[_PLACES - 1]:
            return False
        return since - others[0] <= max(_TOGETHER, _SHARE * (waited.at - others[0]))

    def refused(self, s3: "S3Client", run: Run, waited: WaitTimes) -> None:
        """A run whose turn it is waits on: it has a place in the line."""
        if any(place.run == run.prefix and waited.at - place.refused <= _NOTED for place in self.places):
            return
        own = Place(run.prefix, _since(waited), waited.at)
        places = sorted([*self._others(run), own], key=lambda place: place.since)
        self._write(s3, places[:_PLACES])

    def leave(self, s3: "S3Client", run: Run) -> None:
        """A run waits no more: its place is free."""
        others = self._others(run)
        if len(others) < len(self.places):
            self._write(s3, others)

    def _others(self, run: Run) -> list[Place]:
        return [place for place in self.places if place.run != run.prefix]

    def _write(self, s3: "S3Client", places: list[Place]) -> None:
        objects.put_json(s3, self.bucket, self.key, places)


def line(s3: "S3Client", bucket: str, decided: Start, now: float) -> Line:
    """The line of those who wait for the same as a decided run."""
    key = layout.line(decided.instance_type, decided.instance_count)
    stored = objects.read_json(s3, bucket, key)
    content = [] if stored is None else stored.content
    places = [Place(each["run"], each["since"], each["refused"]) for each in content]
    return Line(bucket, key, [place for place in places if now - place.refused <= _KNOWN])


def _since(waited: WaitTimes) -> float:
    return waited.at - waited.capacity
