"""A day of many batches in a stack as template.yaml deploys it: its functions take time, and slots are few.

A request takes 50 ms; a queue is worked on by as many functions as its event source has, and the rest waits
in it; SageMaker runs so many transform jobs at once. Nothing fails, but one event in a hundred is lost. Fair
is first in, first out: jobs start in the order in which their batches were complete.
"""

import heapq
from bisect import bisect_right, insort
from collections import Counter, deque
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from unittest.mock import patch

from samtranslator.yaml_helper import yaml_parse

from batch_prediction.layout import INDEX, INDEX_PAGE, WAITING
from batch_prediction.report import index
from batch_prediction.settings import Settings
from tests.simulation.faults import Faults
from tests.simulation.sagemaker import SageMaker
from tests.simulation.services import BUCKET, S3
from tests.simulation.world import VISIBILITY, World

REQUEST = 0.05  # seconds
PAGE = 1000  # keys of a listing
LISTED = 100  # runs in the list of all runs, whose page is made anew with each report
LATE_IMAGE, LOST_EVENT = 0.05, 0.01  # shares
LOOK = 900.0  # seconds, the longest pause: who waited for images may wait for so long with all slots free
UNFAIR = 1.5  # times the longest fair wait
FUNCTIONS = {"uploads": "StartTransform", "reports": "WriteReport", "sweep": "Sweep"}
TEMPLATE: dict[str, Any] = yaml_parse((Path(__file__).parents[2] / "template.yaml").read_text())


def time_out(function: str) -> float:
    """Seconds that a function of template.yaml may take."""
    inherited = TEMPLATE["Globals"]["Function"]["Timeout"]
    return float(TEMPLATE["Resources"][function]["Properties"].get("Timeout", inherited))


def workers(function: str) -> int:
    """How many of a function work on its queue at once."""
    (source,) = TEMPLATE["Resources"][function]["Properties"]["Events"].values()
    return int(source["Properties"]["ScalingConfig"]["MaximumConcurrency"])


class Size(NamedTuple):
    """How large a day is: its batches come within `hours`, `burst` of them in one minute in the middle."""

    batches: int = 10_000
    burst: int = 1_000
    hours: float = 24.0
    quota: int = 20  # transform jobs at once
    job: float = 300.0  # seconds that one takes, in the mean


WHOLE = Size()


class Slots(SageMaker):
    """Transform jobs, so many at once."""

    def __init__(self, world: "Day") -> None:
        super().__init__(world)
        self.day, self.running = world, 0

    def drought(self) -> bool:
        """Whether all slots are taken."""
        return self.running >= self.day.size.quota

    def job_began(self, name: str) -> None:
        """It works on its images, and ends."""
        batch = self.day.batch_of(self.jobs[name])
        self.running += 1
        self.day.started[batch] = self.day.now
        self.day.at(self.day.work[batch] / 2, self._work, name)
        self.day.at(self.day.work[batch], self.job_ends, name, "Completed")

    def job_ends(self, name: str, status: str | None, scripted: str | None = None) -> None:
        """Its slot is free."""
        self.running -= self.jobs[name]["TransformJobStatus"] == "InProgress"
        super().job_ends(name, status, scripted)


class LargeBucket(S3):
    """S3 with many keys, in their order; of what is written again and again the newest version is kept."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.keys: list[str] = []

    def write(self, key: str, *content: Any) -> dict[str, str]:
        """Add a version."""
        if key not in self.versions:
            insort(self.keys, key)
        written = super().write(key, *content)
        if key in (INDEX, INDEX_PAGE) or key.startswith(WAITING):
            del self.versions[key][:-1]
        return written

    def do_list_objects_v2(self, Prefix: str, **place: Any) -> dict[str, Any]:  # noqa: N803
        """A page of a thousand entries: keys, or folders for all that is behind a further delimiter."""
        after = max(place.get("StartAfter", ""), place.get("ContinuationToken", ""), Prefix[:-1])
        delimiter = place.get("Delimiter", "")
        keys, folders = list[str](), list[str]()
        begin = bisect_right(self.keys, after)
        while begin < len(self.keys) and (key := self.keys[begin]).startswith(Prefix):
            if len(keys) + len(folders) == PAGE:
                last = max(keys[-1:] + [f"{folder}\uffff" for folder in folders[-1:]])
                more = {"IsTruncated": True, "NextContinuationToken": last}
                break
            rest, mark, _rest = key[len(Prefix) :].partition(delimiter) if delimiter else (key, "", "")
            if mark:
                folders.append(f"{Prefix}{rest}{mark}")
                begin = bisect_right(self.keys, f"{folders[-1]}\uffff")
            else:
                keys.append(key)
                begin += 1
        else:
            more = {"IsTruncated": False}
        return {
            "Contents": [{"Key": key, "LastModified": self.versions[key][-1][2]} for key in keys],
            "CommonPrefixes": [{"Prefix": folder} for folder in folders],
            **more,
        }


class Day(World):
    """A world of one day: `run` it, and read its `violations` and `figures`."""

    most_messages = 10**9

    def __init__(self, seed: int, size: Size = WHOLE, progress: Callable[[str], object] = str) -> None:
        draw = Random(seed)  # noqa: S311 (no secret)
        super().__init__(seed, Faults(draw, rate=0.0))
        self.size, self._progress = size, progress
        self.settings |= {"wait_for_images_minutes": 60, "wait_for_capacity_hours": 24}
        self.hurry = 0.0
        self.s3, self.sagemaker = LargeBucket(self), Slots(self)
        self.aws.s3, self.aws.sagemaker = self.s3, self.sagemaker
        self.sagemaker.listings.most = 100  # SageMaker's own limit
        self.visible: dict[str, deque[str]] = {queue: deque() for queue in VISIBILITY}
        self.free = {queue: workers(FUNCTIONS[queue]) for queue in VISIBILITY}
        self.deepest, self.invocations = Counter[str](), Counter[str]()
        self.requests = Counter[str]()  # by operation
        self.longest: dict[str, float] = dict.fromkeys(FUNCTIONS, 0.0)  # seconds that a function took
        self.ready: dict[str, float] = {}  # batch → when it was complete
        self.work: dict[str, float] = {}  # batch → seconds that its job takes
        self.started: dict[str, float] = {}  # batch → when its job was created
        self.approve(1)
        for number in range(size.batches):
            self._drop(f"b{number:05d}", in_burst=number < size.burst)
        self.at(3600, self._hour)

    def _drop(self, batch: str, *, in_burst: bool) -> None:
        seconds = self.size.hours * 3600
        at = seconds / 2 + self.draw.uniform(0, 60) if in_burst else self.draw.uniform(0, seconds)
        late = self.draw.uniform(60, 3000) if self.draw.random() < LATE_IMAGE else 0.0
        self.work[batch] = self.size.job * self.draw.uniform(0.8, 1.2)
        self.ready[batch] = at + late
        self.at(at + late, self.put_image, batch, "0.png")
        self.at(at, self.put_manifest, batch, ("0.png",), 0)

    def run(self) -> None:
        """Let the day pass; what costs the simulation most and changes nothing is left out of it."""
        settings = cache(Settings.from_environment)  # they stay what they are
        with patch.object(Settings, "from_environment", settings), patch.object(index, "MAX_RUNS", LISTED):
            super().run()

    # ------------------------------------------------------------------ time
    def request(self, operation: str, effect: Callable[[], Any]) -> Any:
        """A request of a function takes time."""
        self.now += REQUEST
        self.requests[operation] += 1
        return super().request(operation, effect)

    def _timed(self, function: str, work: Callable[[], None]) -> float:
        """Let a function work, and return how long it takes; the others' time doesn't pass meanwhile."""
        begun = self.now
        work()
        seconds, self.now = self.now - begun, begun
        self.longest[function] = max(self.longest[function], seconds)
        self.invocations[function] += 1
        return seconds

    def deliver(self, handle: str) -> None:
        """A message is visible."""
        queue = self.messages[handle].queue
        self.visible[queue].append(handle)
        self.deepest[queue] = max(self.deepest[queue], len(self.visible[queue]))
        self._poll(queue)

    def _poll(self, queue: str) -> None:
        deliver = super().deliver
        while self.visible[queue] and self.free[queue]:
            handle = self.visible[queue].popleft()
            self.free[queue] -= 1
            self.at(self._timed(queue, partial(deliver, handle)), self._released, queue)

    def _released(self, queue: str) -> None:
        self.free[queue] += 1
        self._poll(queue)

    def sweep(self) -> None:
        """A sweep."""
        self._timed("sweep", super().sweep)

    def written(self, key: str) -> None:
        """No page is compared at each write: the worlds with faults do that."""

    def event(self, queue: str, body: dict[str, Any], durable: bool) -> None:
        """One in a hundred of SageMaker's events is lost."""
        if durable or self.draw.random() >= LOST_EVENT:
            super().event(queue, body, durable)

    def _hour(self) -> None:
        uploaded, started = len(self.uploads), len(self.started)
        waiting, reported = uploaded - started, len(self.sns.published)
        self._progress(
            f"hour {self.now / 3600:.0f}: {uploaded:,} batches, {waiting:,} wait, {reported:,} have a report"
        )
        if reported < self.size.batches:
            self.at(3600, self._hour)

    # ------------------------------------------------------------------ judgement
    def batch_of(self, job: dict[str, Any]) -> str:
        """The batch that a transform job reads."""
        return str(job["TransformOutput"]["S3OutputPath"]).removeprefix(f"s3://{BUCKET}/").split("/")[1]

    def fair(self) -> dict[str, float]:
        """When each batch's job would start in the order in which batches were complete."""
        slots = [0.0] * self.size.quota
        starts: dict[str, float] = {}
        for batch in sorted(self.ready, key=self.ready.__getitem__):
            starts[batch] = max(self.ready[batch], heapq.heappop(slots))
            heapq.heappush(slots, starts[batch] + self.work[batch])
        return starts

    def longest_wait(self, starts: dict[str, float]) -> float:
        """The longest that a batch waits for its job since it is complete, if jobs start then."""
        return max((start - self.ready[batch] for batch, start in starts.items()), default=0.0)

    def violations(self) -> list[str]:
        """What a day must not have."""
        found = list(self.too_late)
        found += [
            f"{upload.batch}: no report"
            for upload in self.uploads
            if upload.run.report not in self.s3.versions
        ]
        found += [f"{batch}: no job" for batch in self.ready if batch not in self.started]
        found += [f"{key}: {len(self.s3.versions[key])} versions" for key in self._written_again()]
        found += [f"{handle} is in a dead-letter queue" for handle in self.dead]
        if len(self.sagemaker.jobs) != self.size.batches:
            found.append(f"{len(self.sagemaker.jobs)} jobs of {self.size.batches} batches")
        if self.failed_sweeps:
            found.append(f"{self.failed_sweeps} sweeps failed")
        for name, function in FUNCTIONS.items():
            if self.longest[name] > time_out(function):
                found.append(f"{function} took {self.longest[name]:.0f} of {time_out(function):.0f} s")
        longest, fair = self.longest_wait(self.started), max(LOOK, self.longest_wait(self.fair()))
        if longest > UNFAIR * fair:
            found.append(f"waited {longest:.0f} s, {longest / fair:.2f} times the longest fair wait")
        return found

    def _written_again(self) -> list[str]:
        return [
            upload.run.report
            for upload in self.uploads
            if len(self.s3.versions.get(upload.run.report, [])) > 1
        ]

    def figures(self) -> str:
        """What a day was like, in one line."""
        fairly = self.fair()
        longest, fair = self.longest_wait(self.started), self.longest_wait(fairly)
        last, fair_last = (max(starts.values()) / 3600 for starts in (self.started, fairly))
        functions = ", ".join(
            f"{function} {self.invocations[name]:,} times, at most {self.longest[name]:.1f} of "
            f"{time_out(function):.0f} s"
            for name, function in FUNCTIONS.items()
        )
        return (
            f"{len(self.uploads):,} batches, {len(self.sagemaker.jobs):,} jobs, {len(self.sns.published):,} "
            f"reports; longest wait {longest / 3600:.2f} h, fair {fair / 3600:.2f} h "
            f"({longest / max(LOOK, fair):.2f} times); last job after {last:.2f} h, fair {fair_last:.2f} h; "
            f"{functions}; {self.requests.total():,} requests, and {3 * self.sent:,} of SQS; "
            f"at most {self.deepest['uploads']:,} messages waited for a function"
        )
